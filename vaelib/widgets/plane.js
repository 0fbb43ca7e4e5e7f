// The plane of the first two latent dimensions: the data's codes, the prior's rings,
// and a point. Its words stand inside, unlike a chart's.
import { shorts } from "./bytes.js";
import { box, make, put } from "./elements.js";
import { placeIn } from "./hand.js";
import { clamp, minus, nameOf } from "./numbers.js";

const SIDE = 400;

export function planeOf({ low, high, ticks, rings, marks, points, classes, colours, dims = [0, 1] }) {
  const part = (v, i) => ((v - low[i]) / (high[i] - low[i])) * SIDE;
  const across = (x) => part(x, 0), up = (y) => SIDE - part(y, 1);
  const dots = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, "aria-hidden": "true" });
  const names = make("svg:g");
  const hair = make("svg:path", { class: "vl-hair" });
  const dot = make("svg:circle", { class: "vl-dot", r: 9 });
  const word = (x, y, text, name) => make("svg:text", { x, y, class: `vl-${name}` }, text);
  const line = (d, t) => make("svg:path", { d, class: t ? "" : "vl-axis" });
  const over = make(
    "svg:svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" },
    make("svg:g", { class: "vl-lines" },
      ...ticks[0].map((t) => line(`M${across(t)} 0V${SIDE}`, t)),
      ...ticks[1].map((t) => line(`M0 ${up(t)}H${SIDE}`, t)),
      ...rings.map((r) =>
        make("svg:circle", { cx: across(0), cy: up(0), r: across(r) - across(0), class: "vl-ring" }))),
    make("svg:g", { class: "vl-words" },
      ...ticks[0].map((t) => word(across(t), SIDE - 6, minus(t))),
      ...ticks[1].map((t) => word(14, up(t) + 4, minus(t))),
      ...dims.map((d, i) => word(i ? 14 : SIDE - 12, i ? 20 : SIDE - 22, nameOf(d), "name")),
      names),
    hair, dot,
  );
  const element = box("plane", dots, over);

  /** Draws codes, x and y in turn, as parts of 65535 from corner to corner. */
  function cloud(codes) {
    const context = dots.getContext("2d");
    context.clearRect(0, 0, dots.width, dots.height);
    context.globalAlpha = 0.45;
    for (let i = 0; i < codes.length / 2; i++) {
      const [x, y] = [codes[2 * i] / 65535, 1 - codes[2 * i + 1] / 65535];
      context.fillStyle = colours[classes.getUint8(i) % colours.length];
      context.beginPath();
      context.arc(x * 2 * SIDE, y * 2 * SIDE, 3.2, 0, 7);
      context.fill();
    }
  }

  /** Names of classes, [x, y, name], each at its place. */
  const mark = (places) =>
    names.replaceChildren(...places.map(([x, y, text]) => word(across(x), up(y) + 6, text, "class")));

  cloud(shorts(points));
  mark(marks);
  return {
    element, cloud, mark, across, up, hair,
    /** The code under the pointer, within the plane. */
    codeAt: (event) => placeIn(element, event).map((v, i) =>
      low[i] + clamp(i ? 1 - v : v, 0, 1) * (high[i] - low[i])),
    /** Puts the point at z, or at the plane's edge. */
    point([x, y = 0]) {
      const cx = clamp(across(x), 0, SIDE), cy = clamp(up(y), 0, SIDE);
      put(dot, { cx, cy });
      put(hair, { d: `M${cx} 0V${SIDE}M0 ${cy}H${SIDE}` });
    },
  };
}
