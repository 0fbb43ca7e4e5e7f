// Each latent axis as a row of decodings, and the factor it follows.
import { bind, hear } from "./bind.js";
import { floats } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, mount, noteOf, publish } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { draggable, placeIn } from "./hand.js";
import { clamp, nameOf, round, say } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

/** The codes along a row, one after the other. */
export function sweepOf(code, { axis, low, high }, columns) {
  return Array.from({ length: columns }, (_, j) =>
    code.with(axis, low + ((high - low) * j) / (columns - 1))).flat();
}

/** Where a value stands on a row, as a part of its width: low is the first picture's middle. */
export const partOf = (value, { low, high }, columns) =>
  (0.5 + ((columns - 1) * (value - low)) / (high - low)) / columns;

/** The value at a place on a row. */
export const valueAt = (part, { low, high }, columns) =>
  low + clamp((part * columns - 0.5) / (columns - 1), 0, 1) * (high - low);

/** A row: words, the pictures along the axis with their slider, and the picture at its place. */
function rowOf(row, format, columns, { moved, home, rested }) {
  const { axis, low, high, step, inner, says, also, asleep } = row, name = nameOf(axis);
  const sweep = pictureOf(format, "sweep", `Decodings along ${name} from ${say(low)} to ${say(high)}`, columns);
  const result = pictureOf(format, "decoded", `The decoding at ${name}'s place`);
  const here = box("here"), mine = box("own");
  const slider = sliderOf(`${name} ${says}`.trim(), { low, high, step, inner, home }, moved, rested);
  const strip = box("over-sweep", sweep.canvas, mine, here);
  draggable(strip, {
    grab: () => slider.input.focus({ preventScroll: true }),
    drag: (event) => moved(valueAt(placeIn(strip, event)[0], row, columns)),
    rested,
  });
  const at = (value) => `${100 * partOf(value, row, columns)}%`;
  const words = box("telling", make("span", { class: "vl-name" }, name), ` ${says}`, make("small", {}, also));
  return {
    // Each is told what it is to show, and waits for it.
    ...row, sweep: { paint: sweep.paint }, result: { paint: result.paint },
    element: make("div", { class: "vl-travel", "data-row": axis, "data-asleep": asleep }, words,
      make("div", { class: "vl-moving", style: `--columns:${columns}` },
        box("along", strip, box("sliders", slider.input)), box("result", result.canvas, slider.number))),
    place(value, own) {
      slider.show(value);
      here.style.left = at(clamp(value, low, high));
      mine.style.left = at(own);
    },
  };
}

/** The base picture, its decoding, and ways to another. */
function baseOf(format, { turn, home }) {
  const given = pictureOf(format, "given", "The base picture as it is");
  const made = pictureOf(format, "rebuilt", "The base picture decoded from its own code");
  const chooser = box("chooser");
  return {
    given, made, chooser,
    element: box("base",
      figure("base picture", given.canvas), figure("its decoding", made.canvas),
      box("panel", chooser,
        box("buttons", button("Previous", () => turn(-1)), button("Next", () => turn(1)), button("Its own code", home)))),
  };
}

function render({ model, el }) {
  const format = model.get("_picture"), size = format.shape.reduce((a, b) => a * b);
  const length = model.get("at").length;
  let parts, codes, pictures, rows, choose, count, shown = {};
  // What has yet to be painted, each with the codes it waits for.
  const waiting = new Map();
  const settle = (base) => { begin(base); state.rest(); };
  const { given, made, chooser, element } = baseOf(format, {
    turn: (by) => settle((state.now.base + by + count) % count), home: () => settle(state.now.base),
  });
  const list = box("rows"), rest = noteOf();
  const root = mount(el, "traversals", "Traversals of the latent axes", element, list, rest.element);
  const decode = evaluator(model, "decoder", root, (pixels, input) => {
    let from = 0;
    for (const [item, wanted] of input.items) {
      const to = from + (pixels.length * wanted.length) / input.length;
      item.paint(pixels.subarray(from, to));
      item.code = wanted;
      if (waiting.get(item) === wanted) waiting.delete(item);
      from = to;
    }
    const { base, axis } = input;
    publish(root, rows.find((row) => row.axis === axis).result.code, { base, axis });
  }, length);

  const own = () => Array.from(codes.subarray(state.now.base * length, (state.now.base + 1) * length));

  const state = bind(model, ["base", "axis", "at"], ({ base, axis, at }) => {
    const mine = own(), all = shown.base !== base || shown.codes !== codes;
    if (all) {
      given.paint(pictures.subarray(base * size, (base + 1) * size));
      choose.show(base, `picture ${base + 1} of ${count}`, `${base + 1} of ${count}`);
      waiting.set(made, mine);
    }
    for (const row of rows) {
      const i = row.axis;
      if (all) waiting.set(row.sweep, sweepOf(mine, row, parts.columns));
      if (!all && shown.at[i] === at[i] && i !== axis) continue;
      row.place(at[i], mine[i]);
      waiting.set(row.result, mine.with(i, at[i]));
    }
    shown = { base, codes, at };
    // All that waits: a row that was overtaken comes with the next.
    const items = [...waiting];
    decode.ask(Object.assign(items.flatMap(([, wanted]) => wanted), { items, base, axis }));
    return { z: mine.with(axis, at[axis]) };
  }, decode);

  /** Another base picture, every axis at its place. */
  function begin(base) {
    state.set({ base, at: Array.from(codes.subarray(base * length, (base + 1) * length)) });
  }

  function furnish() {
    parts = model.get("_parts");
    codes = floats(parts.codes);
    pictures = floats(parts.pictures);
    count = codes.length / length;
    waiting.clear();
    choose = sliderOf("Base picture", { low: 0, high: count - 1, step: 1, whole: true, home: 0, name: "base picture" },
      begin, () => state.rest());
    chooser.replaceChildren(slidersOf(choose));
    rows = parts.rows.map((row) => rowOf(row, format, parts.columns, {
      moved: (v) => state.set({ axis: row.axis, at: state.now.at.with(row.axis, round(v)) }),
      home: () => own()[row.axis], rested: () => state.rest(),
    }));
    list.replaceChildren(...rows.map((row) => row.element));
    rest.say(parts.rest);
    state.show();
  }

  /** Another decoder: all is painted anew. */
  function repaint() {
    shown = {};
    state.show();
  }

  furnish();
  return hear(model, { _parts: furnish, _decoder: repaint }, state.stop, decode.stop);
}

export default { render };
