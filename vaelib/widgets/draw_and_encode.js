// Draw a picture; see where the encoder puts it, and what the decoder makes of that.
import { evaluator, floats, make, mount, publish, round, same, teller } from "./was_controls.js";
import { figure, pictureOf, planeOf, showCode } from "./was_drawing.js";
import { inkOf } from "./ink.js";

const SURFACE = 336;

/** A normal number (Box & Muller 1958). */
const normal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function render({ model, el }) {
  const format = model.get("_picture");
  const [channels, height, width] = format.shape;
  let z = model.get("z").slice(), mu = model.get("mu"), sigma = model.get("sigma");
  let strokes = [], drawing = false, mine = null, plane;
  const picture = pictureOf(format, "decoded", "The picture decoded from the code");
  const seen = pictureOf(format, "x", "What the encoder sees");
  const canvas = make("canvas", {
    class: "vl-canvas", role: "img", width: SURFACE, height: (SURFACE * height) / width,
    "aria-label": "Drawing area for mouse or finger; with the keyboard, choose an example below",
    pointerdown: grab, pointermove: drag, lostpointercapture: release,
  });
  const pen = canvas.getContext("2d");
  const select = make("select", { "aria-label": "Example", change: () => example(+select.value) });
  const button = (text, click) => make("button", { type: "button", click }, text);
  const mean = button("Mean", () => choose(mu));
  const sample = button("Sample", () => choose(mu.map((m, i) => m + sigma[i] * normal())));
  const frame = make("div", { class: "vl-posterior" });
  const left = figure("Draw here, or choose an example", canvas);
  const middle = figure("", frame);
  const right = figure("", picture.canvas);
  left.element.append(
    make("div", { class: "vl-buttons" }, button("Clear", clear), select,
      make("span", { class: "vl-seen" }, seen.canvas, "what the encoder sees")),
  );
  middle.element.append(make("div", { class: "vl-buttons" }, mean, sample));
  const root = mount(
    el, "draw-and-encode", "Draw and encode",
    make("div", { class: "vl-row" }, left.element, middle.element, right.element),
  );

  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    picture.paint(pixels);
    right.words.textContent = z.length > 4 ? "decoded" : showCode(code);
    publish(root, code);
  });
  const encode = evaluator(model, "encoder", root, (out) => {
    const size = z.length;
    mu = Array.from(out.slice(0, size));
    sigma = mu.map((_, i) => (out.length > size ? Math.exp(out[size + i] / 2) : 0));
    showPosterior();
    place(mu.map(round));
    python.soon({ mu, sigma, z });
    if (!drawing) python.now();
  });
  const python = teller(model, () => decode.inPage() && encode.inPage());

  function furnish() {
    plane = planeOf(model.get("_scene"));
    frame.replaceChildren(plane.element);
    const { names } = model.get("_examples");
    select.replaceChildren(
      make("option", { value: "", disabled: "", hidden: "" }, "choose"),
      ...names.map((name, i) => make("option", { value: i }, name)),
    );
    showPosterior();
    plane.mark(z);
  }

  function showPosterior() {
    plane.ellipse(mu, sigma);
    const first = z.length > 2 ? `, first 2 of ${z.length} dimensions` : "";
    sample.disabled = !sigma.some((s) => s > 0);
    middle.words.textContent = !sample.disabled
      ? `q(z|x): 1σ and 2σ${first}` : `the code of x${first}`;
  }

  function place(next) {
    z = next;
    plane.mark(z);
    decode.ask(z);
  }

  /** Decodes another code of the same picture. */
  function choose(code) {
    place(code.map(round));
    python.soon({ z });
    python.now();
  }

  /** Hands pixels to the encoder. */
  function give(x) {
    seen.paint(x);
    encode.ask(x);
  }

  function tell(x) {
    mine = new DataView(x.buffer);
    python.soon({ _x: mine });
  }

  function redraw() {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.strokeStyle = "#fff";
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = (1.2 * model.get("_ink").pen * canvas.width) / width;
    for (const stroke of strokes) {
      pen.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) pen.lineTo(x * SURFACE, y * SURFACE);
      pen.stroke();
    }
    const [low, high] = format.range;
    const ink = inkOf(strokes, width, height, model.get("_ink")).map((v) => low + v * (high - low));
    const x = new Float32Array(channels * ink.length);
    for (let c = 0; c < channels; c++) x.set(ink, c * ink.length);
    give(x);
    tell(x);
  }

  /** Puts finished pixels on the canvas. */
  function show(x) {
    strokes = [];
    seen.paint(x);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(seen.canvas, 0, 0, canvas.width, canvas.height);
    give(x);
  }

  function example(i) {
    const { pixels } = model.get("_examples");
    const size = channels * height * width;
    const [low, high] = format.range;
    const x = Float32Array.from({ length: size }, (_, p) =>
      low + (pixels.getUint8(i * size + p) / 255) * (high - low));
    show(x);
    tell(x);
  }

  function clear() {
    strokes = [];
    select.value = "";
    redraw();
  }

  function grab(event) {
    if (event.button) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    select.value = "";
    strokes.push([]);
    drag(event);
  }

  function drag(event) {
    if (!drawing) return;
    const box = canvas.getBoundingClientRect();
    const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width];
    const stroke = strokes.at(-1), last = stroke.at(-1);
    if (last && Math.hypot(place[0] - last[0], place[1] - last[1]) < 0.008) return;
    stroke.push(place);
    redraw();
  }

  function release() {
    drawing = false;
    python.now();
  }

  function fromPython() {
    const next = model.get("z");
    if (!drawing && !same(next, z)) place(next.slice());
  }

  function pictureFromPython() {
    const x = model.get("_x");
    if (x !== mine && !drawing) show(floats(x));
  }

  furnish();
  select.value = "";
  if (model.get("_x").byteLength) show(floats(model.get("_x")));
  else clear();
  model.on("change:z", fromPython);
  model.on("change:_x", pictureFromPython);
  model.on("change:_scene", furnish);
  return () => {
    decode.stop();
    encode.stop();
    model.off("change:z", fromPython);
    model.off("change:_x", pictureFromPython);
    model.off("change:_scene", furnish);
  };
}

export default { render };
