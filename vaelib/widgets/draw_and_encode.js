// Draw a picture; see where the encoder puts it, and what the decoder makes of that.
import { bind, hear } from "./bind.js";
import { floats, pixelsAt } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, menuOf, mount, publish, put } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { draggable, placeIn } from "./hand.js";
import { inkOf } from "./ink.js";
import { normal } from "./maths.js";
import { round, showCode } from "./numbers.js";
import { planeOf } from "./plane.js";

const SURFACE = 336;

/**
 * Black paper for mouse or finger. `drawn` is told all strokes at each change, as
 * places in parts of the width; `rested` when the pen is lifted.
 */
function paperOf(ratio, penWidth, { began, drawn, rested }) {
  const canvas = make("canvas", {
    class: "vl-canvas", role: "img", width: SURFACE, height: SURFACE * ratio,
    "aria-label": "Drawing area for mouse or finger; with the keyboard, choose an example below",
  });
  const pen = canvas.getContext("2d");
  let strokes = [];

  function redraw() {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.strokeStyle = "#fff";
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = 1.2 * penWidth() * SURFACE;
    for (const stroke of strokes) {
      pen.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) pen.lineTo(x * SURFACE, y * SURFACE);
      pen.stroke();
    }
    drawn(strokes);
  }

  const dragging = draggable(canvas, {
    grab() {
      began();
      strokes.push([]);
    },
    drag(event) {
      const [x, y] = placeIn(canvas, event), place = [x, y * ratio];
      const stroke = strokes.at(-1), last = stroke.at(-1);
      if (last && Math.hypot(place[0] - last[0], place[1] - last[1]) < 0.008) return;
      stroke.push(place);
      redraw();
    },
    rested,
  });
  return {
    canvas,
    dragging,
    clear() {
      strokes = [];
      redraw();
    },
    /** A finished picture in the place of strokes. */
    show(picture) {
      strokes = [];
      pen.imageSmoothingEnabled = false;
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    },
  };
}

/**
 * Where the picture comes from: drawn, chosen, or given by Python. `give` is told its
 * pixels, `state` the trait.
 */
function easelOf(model, format, give, state) {
  const [channels, height, width] = format.shape, [low, high] = format.range;
  let mine = null;
  const seen = pictureOf(format, "x", "What the encoder sees");
  const paper = paperOf(height / width, () => model.get("_ink").pen / width, {
    began: () => { menu.element.value = ""; }, rested: () => state().rest(),
    drawn(strokes) {
      const ink = inkOf(strokes, width, height, model.get("_ink")).map((v) => low + v * (high - low));
      const x = new Float32Array(channels * ink.length);
      for (let c = 0; c < channels; c++) x.set(ink, c * ink.length);
      hand(x);
      tell(x);
    },
  });
  const menu = menuOf("Example", (i) => {
    const x = pixelsAt(model.get("_examples").pixels, i, format);
    show(x);
    tell(x);
  });
  const element = figure("Draw here, or choose an example", paper.canvas);
  element.append(box("buttons", button("Clear", clear), menu.element, box("seen", seen.canvas, "what the encoder sees")));

  function clear() {
    menu.element.value = "";
    paper.clear();
  }

  /** Hands pixels to the encoder. */
  function hand(x) {
    seen.paint(x);
    give(x);
  }

  /** Puts finished pixels on the paper. */
  function show(x) {
    hand(x);
    paper.show(seen.canvas);
  }

  function tell(x) {
    mine = new DataView(x.buffer);
    state().tell({ _x: mine });
  }

  return {
    element,
    dragging: paper.dragging,
    furnish() {
      menu.offer(model.get("_examples").names);
      menu.element.prepend(make("option", { value: "", disabled: "", hidden: "" }, "choose"));
      menu.element.value = "";
    },
    /** Shows Python's picture; with none, the paper is empty. */
    take() {
      const x = model.get("_x");
      if (x === mine || paper.dragging()) return;
      if (x.byteLength) show(floats(x));
      else clear();
    },
  };
}

/** The plane with q(z|x), its mean, and where it lies within one and two sigma; and its buttons. */
function posteriorOf(choose) {
  const frame = box("posterior"), about = make("figcaption"), element = figure(about, frame);
  const sample = button("Sample", () => choose(mu.map((m, i) => m + sigma[i] * normal())));
  element.append(box("buttons", button("Mean", () => choose(mu)), sample));
  const ellipses = [2, 1].map(() => make("svg:ellipse", { class: "vl-ellipse" }));
  const middle = make("svg:path", { class: "vl-mean" });
  let plane, mu, sigma;
  return {
    element,
    furnish(scene) {
      plane = planeOf(scene);
      plane.hair.before(...ellipses, middle);
      frame.replaceChildren(plane.element);
    },
    point: (z) => plane.point(z),
    show(nextMu, nextSigma) {
      [mu, sigma] = [nextMu, nextSigma];
      const [x, y = 0] = mu, [sx, sy = 0] = sigma, unit = plane.across(1) - plane.across(0);
      const cx = plane.across(x), cy = plane.up(y);
      ellipses.forEach((ellipse, i) => put(ellipse, { cx, cy, rx: (2 - i) * sx * unit, ry: (2 - i) * sy * unit }));
      put(middle, { d: `M${cx - 5} ${cy}h10m-5 -5v10` });
      sample.disabled = !sigma.some((s) => s > 0);
      about.textContent = (sample.disabled ? "the code of x" : "q(z|x): 1σ and 2σ")
        + (mu.length > 2 ? `, first 2 of ${mu.length} dimensions` : "");
    },
  };
}

function render({ model, el }) {
  const format = model.get("_picture");
  const picture = pictureOf(format, "decoded", "The picture decoded from the code");
  const words = make("figcaption");
  const easel = easelOf(model, format, (x) => encode.ask(x), () => state);
  const posterior = posteriorOf((code) => { place(code); state.rest(); });
  const root = mount(el, "draw-and-encode", "Draw and encode",
    box("row", easel.element, posterior.element, figure(words, picture.canvas)));
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    picture.paint(pixels);
    words.textContent = code.length > 4 ? "decoded" : showCode(code);
    publish(root, code);
  });
  const encode = evaluator(model, "encoder", root, (out) => {
    const size = state.now.z.length, mu = Array.from(out.slice(0, size));
    const sigma = mu.map((_, i) => (out.length > size ? Math.exp(out[size + i] / 2) : 0));
    posterior.show(mu, sigma);
    place(mu);
    state.tell({ mu, sigma });
    if (!easel.dragging()) state.rest();
  });
  const state = bind(model, ["z"], ({ z }) => {
    posterior.point(z);
    decode.ask(z);
  }, { inPage: () => decode.inPage() && encode.inPage(), busy: easel.dragging });

  /** Decoded in any case: another picture may have the same code. */
  function place(code) {
    state.now.z = code.map(round);
    state.show();
    state.tell({ z: state.now.z });
  }

  function furnish() {
    posterior.furnish(model.get("_scene"));
    posterior.show(model.get("mu"), model.get("sigma"));
    posterior.point(state.now.z);
    easel.furnish();
  }

  furnish();
  easel.take();
  return hear(model, { _x: easel.take, _scene: furnish }, state.stop, decode.stop, encode.stop);
}

export default { render };
