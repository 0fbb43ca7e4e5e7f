// A path drawn on the latent plane, and what is decoded along it.
import { bind, hear } from "./bind.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, mount, publish, put } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { round, say, showCode } from "./numbers.js";
import { padOf } from "./pad.js";
import { along } from "./path.js";
import { playerOf } from "./player.js";
import { sliderOf, slidersOf } from "./slider.js";

const STRIP = 12;
const SECONDS = 5;

/** The path with one more point, where the pen has gone far enough. */
const drawnOn = (path, z, least) =>
  Math.hypot(z[0] - path.at(-1)[0], z[1] - path.at(-1)[1]) > least && path.length < 400 ? [...path, z] : path;

/** The path with a new point: a little aside, for on the last it could not be seen. */
function longer(path, step) {
  const last = path.at(-1), aside = step(last, 0, 5);
  return [...path, (aside[0] - last[0] ? aside : step(last, 0, -5)).map(round)];
}

/** A button that goes along the path in some seconds, from `from()` on. */
const playerFor = (from, go, rested) => playerOf("Play", "Stop", () => {
  const start = from() < 1 ? from() : 0, began = performance.now();
  return (now) => {
    const t = Math.min(1, start + Math.max(0, now - began) / (1000 * SECONDS));
    go(t);
    return t < 1;
  };
}, rested);

function render({ model, el }) {
  const format = model.get("_picture");
  const picture = pictureOf(format, "decoded", "The picture decoded at the scrubber's place");
  const strip = pictureOf(format, "strip", `${STRIP} pictures along the path, from start to end`, STRIP);
  let drawing = false, plane;
  const rest = () => state.rest();
  // An arrow key moves the last point, wherever the scrubber stands.
  const walk = (_, i, steps) => pad.step(state.now.path.at(-1), i, steps);
  const pad = padOf("Path", { moved, walk, rested() { drawing = false; rest(); } });
  const [line, dots] = ["vl-path", "vl-path vl-waypoints"].map((name) => make("svg:path", { class: name }));
  const go = (t) => state.set({ t: round(t) });
  const scrub = sliderOf("Place on the path", { low: 0, high: 1, step: 0.005, whole: true, home: 0, name: "t" },
    (t) => { player.stop(); go(t); }, rest);
  const player = playerFor(() => state.now.t, go, rest);
  const words = make("figcaption");
  const left = figure("Draw a path with mouse or finger", pad.element);
  left.addEventListener("keydown", press);
  left.append(box("buttons", button("Add a point", add), button("Remove the last", remove)));
  const right = figure(words, picture.canvas);
  right.append(slidersOf(scrub), box("buttons", player.element));
  const wide = figure("Along the path, from start to end; keys: arrows move the last point, Enter adds one, Backspace removes it", strip.canvas);
  wide.classList.add("vl-wide");
  const root = mount(el, "path-on-plane", "A path on the latent plane", box("row", left, right), wide);
  const decode = evaluator(model, "decoder", root, (pixels, codes) => {
    picture.paint(pixels.subarray(0, pixels.length / (STRIP + 1)));
    strip.paint(pixels, pixels.length / (STRIP + 1));
    words.textContent = showCode(codes.slice(0, 2));
    publish(root, codes.slice(0, 2));
  }, 2);
  const state = bind(model, ["path", "t"], ({ path, t }) => {
    const z = along(path, t).map(round);
    const points = path.map(([x, y]) => `${plane.across(x)} ${plane.up(y)}`);
    put(line, { d: "M" + points.join("L") });
    put(dots, { d: path.length > 24 ? "" : points.map((p) => `M${p}h0`).join("") });
    pad.show(z, `, ${path.length} points`);
    scrub.show(t, `${Math.round(100 * t)} % of the path, ${showCode(z)}`, say(t));
    root.dataset.points = path.length;
    decode.ask([z, ...Array.from({ length: STRIP }, (_, i) => along(path, i / (STRIP - 1)))].flat());
    return { z };
  }, { inPage: decode.inPage, busy: () => pad.dragging() || player.playing() });

  /** Another path, with the scrubber at its end. */
  function change(path) {
    player.stop();
    state.set({ path, t: 1 });
  }

  /** The pen: a new path begins where it is put down. */
  function moved(z) {
    const { path } = state.now, { low, high } = model.get("_scene");
    change(!pad.dragging() ? [...path.slice(0, -1), z] : drawing ? drawnOn(path, z, (high[0] - low[0]) / 100) : [z]);
    drawing = pad.dragging();
  }

  function add() {
    change(longer(state.now.path, pad.step));
    rest();
  }

  function remove() {
    if (state.now.path.length > 1) change(state.now.path.slice(0, -1));
    rest();
  }

  function press(event) {
    const act = { Enter: add, Backspace: remove, Delete: remove }[event.key];
    if (event.target.type !== "range" || !act) return;
    act();
    event.preventDefault();
  }

  function furnish() {
    plane = pad.furnish(model.get("_scene"));
    plane.hair.before(line, dots);
    state.show();
  }

  furnish();
  return hear(model, { _scene: furnish }, player.stop, state.stop, decode.stop);
}

export default { render };
