// A path drawn on the latent plane, and what is decoded along it.
import { evaluator, make, mount, publish, round, say, teller } from "./was_controls.js";
import { figure, pictureOf, showCode } from "./was_drawing.js";
import { padOf } from "./was_pad.js";
import { along } from "./path.js";
import { tilesOf } from "./was_tiles.js";

const STRIP = 12;
const SECONDS = 5;

function render({ model, el }) {
  let path = model.get("path").map((place) => place.slice());
  let t = model.get("t"), drawing = false, playing = 0;
  const format = model.get("_picture");
  const picture = pictureOf(format, "decoded", "The picture decoded at the scrubber's place");
  const strip = tilesOf(format, STRIP, STRIP, "strip", `${STRIP} pictures along the path, from start to end`);
  const pad = padOf("Path", { moved, rested, walk });
  const line = make("svg:path", { class: "vl-path" });
  const dots = make("svg:path", { class: "vl-path vl-waypoints" });
  const over = make("svg:svg", { class: "vl-over", "aria-hidden": "true" }, line, dots);
  const scrub = make("input", {
    type: "range", min: 0, max: 1, step: 0.005, "aria-label": "Place on the path",
    style: "--from:0%;--to:0%",
    input: () => { stop(); go(+scrub.value); },
    change: () => python.now(),
  });
  const share = make("span", { class: "vl-number" });
  const play = make("button", { type: "button", click: () => (playing ? stop() : start()) }, "Play");
  const left = figure("Draw a path with mouse or finger", pad.element);
  left.element.addEventListener("keydown", press);
  left.element.append(make(
    "div", { class: "vl-buttons" },
    make("button", { type: "button", click: add }, "Add a point"),
    make("button", { type: "button", click: remove }, "Remove the last"),
  ));
  const right = figure("", picture.canvas);
  right.element.append(
    make("div", { class: "vl-sliders" }, make("span", { class: "vl-name", "aria-hidden": "true" }, "t"), scrub, share),
    make("div", { class: "vl-buttons" }, play),
  );
  const root = mount(
    el, "path-on-plane", "A path on the latent plane",
    make("div", { class: "vl-row" }, left.element, right.element),
    figure("Along the path, from start to end; keys: arrows move the last point, Enter adds one, Backspace removes it", strip.canvas).element,
  );
  root.lastChild.classList.add("vl-wide");
  const decode = evaluator(model, "decoder", root, (pixels, codes) => {
    picture.paint(pixels);
    strip.paint(pixels, pixels.length / (STRIP + 1));
    const code = codes.slice(0, 2);
    right.words.textContent = showCode(code);
    publish(root, code);
  }, 2);
  const python = teller(model, decode.inPage);

  function furnish() {
    const { low, high } = model.get("_scene");
    pad.furnish(model.get("_scene"));
    const span = high[0] - low[0];
    over.setAttribute("viewBox", `${low[0]} ${-high[1]} ${span} ${span}`);
    pad.element.append(over);
    show();
  }

  function show() {
    const z = along(path, t).map(round);
    const points = path.map(([x, y]) => `${x} ${-y}`);
    line.setAttribute("d", "M" + points.join("L"));
    dots.setAttribute("d", path.length > 24 ? "" : points.map((p) => `M${p}h0`).join(""));
    pad.show(z, `, ${path.length} points`);
    scrub.value = t;
    share.textContent = say(t);
    scrub.setAttribute("aria-valuetext", `${Math.round(100 * t)} % of the path, ${showCode(z)}`);
    root.dataset.points = path.length;
    const codes = [z];
    for (let i = 0; i < STRIP; i++) codes.push(along(path, i / (STRIP - 1)));
    decode.ask(codes.flat());
    return z;
  }

  function go(next) {
    t = Math.round(next * 1000) / 1000;
    python.soon({ t, z: show() });
  }

  /** Another path, with the scrubber at its end. */
  function change(next) {
    path = next;
    t = 1;
    python.soon({ path, t, z: show() });
  }

  /** The pen: a new path begins where it is put down. */
  function moved(z) {
    stop();
    if (!pad.dragging()) return change([...path.slice(0, -1), z]);
    const { low, high } = model.get("_scene");
    const last = path.at(-1);
    if (!drawing) change([z]);
    else if (Math.hypot(z[0] - last[0], z[1] - last[1]) > (high[0] - low[0]) / 100 && path.length < 400)
      change([...path, z]);
    drawing = true;
  }

  function rested() {
    drawing = false;
    python.now();
  }

  /** An arrow key moves the last point, wherever the scrubber stands. */
  function walk(_, i, sign, long) {
    const { low, high, step } = model.get("_scene");
    const to = path.at(-1)[i] + sign * step * (long ? 10 : 1);
    return path.at(-1).map((v, k) => (k === i ? Math.max(low[i], Math.min(high[i], to)) : v));
  }

  function add() {
    stop();
    // The new point would lie on the last: it is put a little aside to be seen.
    const { low, high, step } = model.get("_scene");
    const [x, y] = path.at(-1);
    const aside = x + 5 * step < high[0] ? x + 5 * step : x - 5 * step;
    change([...path, [round(Math.max(low[0], aside)), y]]);
    python.now();
  }

  function remove() {
    stop();
    if (path.length > 1) change(path.slice(0, -1));
    python.now();
  }

  function press(event) {
    if (event.target.type !== "range") return;
    if (event.key === "Enter") add();
    else if (event.key === "Backspace" || event.key === "Delete") remove();
    else return;
    event.preventDefault();
  }

  function start() {
    const from = t < 1 ? t : 0;
    let began;
    const next = (now) => {
      began ??= now;
      const at = Math.min(1, from + (now - began) / (1000 * SECONDS));
      go(at);
      playing = at < 1 ? requestAnimationFrame(next) : 0;
      if (!playing) stop();
    };
    play.textContent = "Stop";
    playing = requestAnimationFrame(next);
  }

  function stop() {
    if (playing) cancelAnimationFrame(playing);
    playing = 0;
    if (play.textContent === "Play") return;
    play.textContent = "Play";
    python.now();
  }

  function fromPython() {
    if (pad.dragging() || playing) return;
    const next = model.get("path");
    if (next.flat().join() === path.flat().join() && model.get("t") === t) return;
    path = next.map((place) => place.slice());
    t = model.get("t");
    show();
  }

  furnish();
  model.on("change:path", fromPython);
  model.on("change:t", fromPython);
  model.on("change:_scene", furnish);
  return () => {
    stop();
    decode.stop();
    model.off("change:path", fromPython);
    model.off("change:t", fromPython);
    model.off("change:_scene", furnish);
  };
}

export default { render };
