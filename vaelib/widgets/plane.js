// The plane of the first two latent dimensions: the data's codes, the prior's rings,
// and a point.
import { shorts } from "./bytes.js";
import { chartOf } from "./chart.js";
import { box, make, put } from "./elements.js";
import { clamp, nameOf } from "./numbers.js";

const SIDE = 400;

export function planeOf(scene) {
  const [low, high] = [scene.low, scene.high];
  const chart = chartOf({
    kind: "axes", size: [SIDE, SIDE], edge: [0, 0, 0, 0], x: [low[0], high[0]], y: [low[1], high[1]],
    ticks: scene.ticks, titles: [0, 1].map((i) => nameOf((scene.dims ?? [0, 1])[i])),
  });
  const { across, up } = chart;
  const unit = across(1) - across(0);
  for (const r of scene.rings)
    chart.add("circle", { cx: across(0), cy: up(0), r: r * unit, class: "vl-ring" });
  const names = make("svg:g");
  chart.words.append(names);
  const dots = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, "aria-hidden": "true" });
  const [two, one, hair, mean] = ["ellipse", "ellipse", "path", "path"].map((tag) => make(`svg:${tag}`));
  put(hair, { class: "vl-hair" });
  put(mean, { class: "vl-mean" });
  const point = chart.knob(9);
  point.dot.before(two, one, hair, mean);

  /** Draws codes, x and y in turn, as parts of 65535 from corner to corner. */
  function cloud(points) {
    const context = dots.getContext("2d");
    context.clearRect(0, 0, dots.width, dots.height);
    context.globalAlpha = 0.45;
    for (let i = 0; i < points.length / 2; i++) {
      const [x, y] = [points[2 * i] / 65535, 1 - points[2 * i + 1] / 65535];
      context.fillStyle = scene.colours[scene.classes.getUint8(i) % scene.colours.length];
      context.beginPath();
      context.arc(x * 2 * SIDE, y * 2 * SIDE, 3.2, 0, 7);
      context.fill();
    }
  }

  /** Names of classes, [x, y, name], each at its place. */
  function mark(marks) {
    names.replaceChildren(...marks.map(([x, y, text]) =>
      make("svg:text", { x: across(x), y: up(y) + 6, class: "vl-class" }, text)));
  }

  cloud(shorts(scene.points));
  mark(scene.marks);
  const inside = ([x, y = 0]) => [clamp(x, low[0], high[0]), clamp(y, low[1], high[1])];
  return {
    element: box("plane", dots, chart.element),
    cloud,
    mark,
    /** The code under the pointer, within the plane. */
    codeAt: (event) => inside(chart.at(event)),
    /** Puts the point at z, or at the plane's edge. */
    point(z) {
      const [x, y] = inside(z);
      point.move(x, y);
      put(hair, { d: `M${across(x)} 0V${SIDE}M0 ${up(y)}H${SIDE}` });
    },
    /** q(z|x): its mean, and where it lies within one and two sigma. */
    ellipse([x, y = 0], [sx, sy = 0]) {
      [one, two].forEach((ellipse, i) => put(ellipse, {
        cx: across(x), cy: up(y), rx: (i + 1) * sx * unit, ry: (i + 1) * sy * unit, class: "vl-ellipse",
      }));
      put(mean, { d: `M${across(x) - 5} ${up(y)}h10m-5 -5v10` });
    },
  };
}
