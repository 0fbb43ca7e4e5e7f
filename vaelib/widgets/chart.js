// A drawing with axes, in SVG: from numbers to places and back.
import { make, put } from "./elements.js";
import { placeIn } from "./hand.js";
import { clamp, minus } from "./numbers.js";

/**
 * From below: grid, shapes, words, knobs.
 * @param {object} plan
 *   size: width and height in its own units; x, y: limits of the axes; ticks: [of x,
 *   of y]; said: words for a tick and its axis, 0 or 1; titles: [of x, of y], a short
 *   one is a variable's name and stands at the axis's end; edge: room for words at the
 *   top, right, bottom and left, without any at the left they stand inside;
 *   label: what it shows, for screen readers, or nothing if controls beside it say that
 */
export function chartOf({
  size: [wide, high], x, y, ticks = [[], []], said = minus, titles = [], edge = [8, 10, 20, 0], label,
}) {
  const [top, right, bottom, left] = edge, floor = high - bottom, end = wide - right;
  const across = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (end - left);
  const up = (v) => floor - ((v - y[0]) / (y[1] - y[0])) * (floor - top);
  const [lines, shapes, words, front] = ["lines", "shapes", "words", "front"].map((name) =>
    make("svg:g", { class: `vl-${name}` }));
  const element = make("svg:svg", {
    viewBox: `0 0 ${wide} ${high}`, class: "vl-chart",
    ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
  }, lines, shapes, words, front);

  function axes() {
    const line = (d, strong) => lines.append(make("svg:path", { d, class: strong ? "vl-axis" : "" }));
    const write = (text, at) => words.append(make("svg:text", at, text));
    const middle = (top + floor) / 2;
    lines.replaceChildren();
    words.replaceChildren();
    for (const t of ticks[0]) {
      line(`M${across(t)} ${top}V${floor}`, !t);
      write(said(t, 0), { x: clamp(across(t), 12, wide - 12), y: floor + 15 });
    }
    for (const t of ticks[1]) {
      line(`M${left} ${up(t)}H${end}`, !t);
      write(said(t, 1), left ? { x: left - 7, y: up(t) + 4, class: "vl-end" } : { x: 6, y: up(t) + 4, class: "vl-begin" });
    }
    if (bottom) line(`M${left} ${top}V${floor}H${end}`, left);
    titles.forEach((text, ofY) => write(text,
      text.length < 3 ? { x: end - 8, y: floor - 8, class: "vl-name" }
        : ofY ? { x: 14, y: middle, transform: `rotate(-90 14 ${middle})` }
          : { x: (left + end) / 2, y: high - 6 }));
  }

  axes();
  return {
    element, across, up, words, front,
    /** A shape, e.g. add("path", {class: "vl-curve"}). */
    add(tag, attributes = {}, ...children) {
      const shape = make(`svg:${tag}`, attributes, ...children);
      shapes.append(shape);
      return shape;
    },
    /** A path's d through points [x, y]; closed: with the area down to y = 0. */
    path(points, closed) {
      const way = closed ? [[points[0][0], 0], ...points, [points.at(-1)[0], 0]] : points;
      return "M" + way.map(([a, b]) => `${across(a).toFixed(1)} ${up(b).toFixed(1)}`).join("L");
    },
    /** What the reader takes hold of, or what marks a place. */
    knob(r = 8) {
      const dot = make("svg:circle", { class: "vl-dot", r });
      front.append(dot);
      return { dot, move: (a, b) => put(dot, { cx: across(a), cy: up(b) }) };
    },
    /** Other limits or ticks; where they are the same, nothing is drawn anew. */
    scale(next) {
      const before = String([x, y, ticks]);
      ({ x = x, y = y, ticks = ticks } = next);
      if (String([x, y, ticks]) !== before) axes();
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
