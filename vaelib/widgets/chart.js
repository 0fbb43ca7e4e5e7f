// A drawing with axes, in SVG: from numbers to places and back.
import { make, put } from "./elements.js";
import { placeIn } from "./hand.js";
import { clamp, minus } from "./numbers.js";

/**
 * From below: grid, shapes, words, knobs.
 * @param {object} plan
 *   size: width and height in its own units; x, y: limits of the axes; ticks: [of x,
 *   of y]; titles: [of x, of y], one or two letters are a variable's name and stand
 *   at the axis's end; edge: room for words at the top, right, bottom and left, where
 *   there is none they stand inside; label: what it shows, for screen readers, or
 *   nothing if controls beside it say that; said: words for a tick;
 *   kind: its class
 */
export function chartOf({
  size: [wide, high], x, y, ticks = [[], []], titles = [], edge = [8, 10, 20, 0], label, said = minus,
  kind = "chart",
}) {
  const [top, right, bottom, left] = edge, floor = high - bottom, end = wide - right;
  const across = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (end - left);
  const up = (v) => floor - ((v - y[0]) / (y[1] - y[0])) * (floor - top);
  const [lines, shapes, words, front] = ["lines", "shapes", "words", "front"].map((name) =>
    make("svg:g", { class: `vl-${name}` }));
  const element = make("svg:svg", {
    viewBox: `0 0 ${wide} ${high}`, class: `vl-${kind}`,
    ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
  }, lines, shapes, words, front);

  const write = (at, text) => words.append(make("svg:text", at, text));

  function axes() {
    const line = (d, strong) => lines.append(make("svg:path", { d, class: strong ? "vl-axis" : "" }));
    lines.replaceChildren();
    words.replaceChildren();
    for (const t of ticks[0]) {
      line(`M${across(t)} ${top}V${floor}`, !t);
      write({ x: clamp(across(t), 12, wide - 12), y: bottom ? floor + 15 : floor - 6 }, said(t));
    }
    for (const t of ticks[1]) {
      line(`M${left} ${up(t)}H${end}`, !t);
      write(left ? { x: left - 7, y: up(t) + 4, class: "vl-end" } : { x: 14, y: up(t) + 4 }, said(t));
    }
    if (bottom) line(`M${left} ${top}V${floor}H${end}`, left);
    titles.forEach(title);
  }

  function title(text, ofY) {
    const middle = (top + floor) / 2;
    if (text.length < 3)
      write({ ...(ofY ? { x: left + 14, y: top + 20 } : { x: end - 12, y: floor - (bottom ? 7 : 22) }), class: "vl-name" }, text);
    else if (ofY) write({ x: 14, y: middle, transform: `rotate(-90 14 ${middle})` }, text);
    else write({ x: (left + end) / 2, y: high - 6 }, text);
  }

  axes();
  return {
    element, across, up, words,
    /** A shape, e.g. add("path", {class: "vl-curve"}). */
    add(tag, attributes = {}, ...children) {
      const shape = make(`svg:${tag}`, attributes, ...children);
      shapes.append(shape);
      return shape;
    },
    /** A path's d through points [x, y]; closed: with the area down to y = 0. */
    path(points, closed) {
      const at = ([a, b]) => `${across(a).toFixed(1)} ${up(b).toFixed(1)}`;
      return "M" + (closed ? [[points[0][0], 0], ...points, [points.at(-1)[0], 0]] : points).map(at).join("L");
    },
    /** What the reader takes hold of, or what marks a place. */
    knob(r = 8) {
      const dot = make("svg:circle", { class: "vl-dot", r });
      front.append(dot);
      return { dot, move: (a, b) => put(dot, { cx: across(a), cy: up(b) }) };
    },
    /** Other limits and ticks. */
    scale(next) {
      ({ x = x, y = y, ticks = ticks } = next);
      axes();
    },
    /** The values under the pointer. */
    at(event) {
      const [a, b] = placeIn(element, event);
      return [
        x[0] + ((a * wide - left) / (end - left)) * (x[1] - x[0]),
        y[0] + ((floor - b * high) / (floor - top)) * (y[1] - y[0]),
      ];
    },
  };
}
