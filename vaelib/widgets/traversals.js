// Each latent axis as a row of decodings, and the factor it follows.
import { evaluator, floats, make, mount, nameOf, publish, round, same, say, teller } from "./was_controls.js";
import { figure, pictureOf } from "./was_drawing.js";
import { tilesOf } from "./was_tiles.js";

const SIGNS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/** A code with one of its numbers replaced. */
export const withValue = (code, axis, value) => code.map((v, i) => (i === axis ? value : v));

/** The codes along a row, one after the other. */
export function sweepOf(code, { axis, low, high }, columns) {
  return Array.from({ length: columns }, (_, j) =>
    withValue(code, axis, low + ((high - low) * j) / (columns - 1))).flat();
}

/** Where a value stands on a row, as a part of its width: low is the first picture's middle. */
export const partOf = (value, { low, high }, columns) =>
  (0.5 + ((columns - 1) * (value - low)) / (high - low)) / columns;

/** The value at a place on a row. */
export function valueAt(part, { low, high }, columns) {
  const along = (part * columns - 0.5) / (columns - 1);
  return low + Math.max(0, Math.min(1, along)) * (high - low);
}

function render({ model, el }) {
  const format = model.get("_picture"), size = format.shape.reduce((a, b) => a * b);
  let base = model.get("base"), axis = model.get("axis"), at = model.get("at").slice();
  let parts, codes, pictures, rows, count;
  // What has yet to be painted, each with the codes it waits for.
  const waiting = new Map();
  const given = pictureOf(format, "given", "The base picture as it is");
  const made = pictureOf(format, "rebuilt", "The base picture decoded from its own code");
  const rebuilt = { paint: made.paint };
  const choose = make("input", {
    type: "range", min: 0, step: 1, "aria-label": "Base picture", style: "--from:0%;--to:0%",
    input: () => begin(+choose.value), change: () => python.now(),
  });
  const number = make("span", { class: "vl-number" });
  const button = (text, click) => make("button", { type: "button", click }, text);
  const turn = (by) => { begin((base + by + count) % count); python.now(); };
  const list = make("div", { change: () => python.now() });
  const rest = make("p", { class: "vl-note" });
  const root = mount(
    el, "traversals", "Traversals of the latent axes",
    make("div", { class: "vl-base" },
      figure("base picture", given.canvas).element, figure("its decoding", made.canvas).element,
      make("div", { class: "vl-panel" },
        make("div", { class: "vl-sliders" },
          make("span", { "aria-hidden": "true" }, "base picture"), choose, number),
        make("div", { class: "vl-buttons" },
          button("Previous", () => turn(-1)), button("Next", () => turn(1)),
          button("Its own code", () => { begin(base); python.now(); })))),
    list, rest,
  );
  const decode = evaluator(model, "decoder", root, (pixels, input) => {
    let from = 0;
    for (const [item, wanted] of input.items) {
      const to = from + (pixels.length * wanted.length) / input.length;
      item.paint(pixels.subarray(from, to));
      item.code = wanted;
      if (waiting.get(item) === wanted) waiting.delete(item);
      from = to;
    }
    Object.assign(root.dataset, { base: input.base, axis: input.axis });
    publish(root, rows.find((row) => row.axis === input.axis).result.code);
  }, at.length);
  const python = teller(model, decode.inPage);

  const own = () => Array.from(codes.subarray(base * at.length, (base + 1) * at.length));
  const codeOf = (i) => withValue(own(), i, at[i]);

  /** Asks for all that waits: a row that was overtaken comes with the next. */
  function ask() {
    const items = [...waiting];
    if (!items.length) return;
    decode.ask(Object.assign(items.flatMap(([, wanted]) => wanted), { items, base, axis }));
  }

  function rowOf(row) {
    const { axis: i, low, high, inner, says, also, asleep } = row, name = nameOf(i);
    const { columns } = parts;
    const part = (v) => `${(100 * (v - low)) / (high - low)}%`;
    const tiles = tilesOf(format, columns, columns, "sweep",
      `Decodings along ${name} from ${say(low)} to ${say(high)}`);
    const picture = pictureOf(format, "decoded", `The decoding at ${name}'s place`);
    const here = make("div", { class: "vl-here" }), mine = make("div", { class: "vl-own" });
    const value = make("span", { class: "vl-number" });
    const input = make("input", {
      type: "range", step: "any", min: low, max: high,
      "aria-label": `${name} ${says}`.trim(),
      style: `--from:${part(inner[0])};--to:${part(inner[1])}`,
      input: () => change(i, +input.value), keydown: (event) => press(event, row),
    });
    const strip = make("div", { class: "vl-over-sweep", pointerdown: hold, pointermove: drag,
      pointerup: () => python.now() }, tiles.canvas, mine, here);

    function hold(event) {
      if (event.button) return;
      strip.setPointerCapture(event.pointerId);
      input.focus({ preventScroll: true });
      event.preventDefault();
      drag(event);
    }
    function drag(event) {
      if (!strip.hasPointerCapture(event.pointerId)) return;
      const box = strip.getBoundingClientRect();
      change(i, valueAt((event.clientX - box.left) / box.width, row, columns));
    }

    const words = make("div", { class: "vl-telling" },
      make("span", { class: "vl-name" }, name), ` ${says}`, make("small", {}, also));
    const element = make("div", { class: "vl-travel", "data-row": i, "data-asleep": asleep }, words,
      make("div", { class: "vl-moving", style: `--columns:${columns}` },
        make("div", { class: "vl-along" }, strip, make("div", { class: "vl-sliders" }, input)),
        make("div", { class: "vl-result" }, picture.canvas, value)));
    return {
      ...row, element, sweep: { paint: tiles.paint }, result: { paint: picture.paint },
      place() {
        input.value = at[i];
        input.setAttribute("aria-valuetext", say(at[i]));
        value.textContent = say(at[i]);
        here.style.left = `${100 * partOf(Math.max(low, Math.min(high, at[i])), row, columns)}%`;
        mine.style.left = `${100 * partOf(own()[i], row, columns)}%`;
        waiting.set(this.result, codeOf(i));
      },
    };
  }

  function furnish() {
    parts = model.get("_parts");
    codes = floats(parts.codes);
    pictures = floats(parts.pictures);
    count = codes.length / at.length;
    choose.max = count - 1;
    waiting.clear();
    rows = parts.rows.map(rowOf);
    list.replaceChildren(...rows.map((row) => row.element));
    rest.textContent = parts.rest;
    rest.hidden = !parts.rest;
    show();
  }

  /** All of it, from the base picture on. */
  function show() {
    given.paint(pictures.subarray(base * size, (base + 1) * size));
    choose.value = base;
    choose.setAttribute("aria-valuetext", `picture ${base + 1} of ${count}`);
    number.textContent = `${base + 1} of ${count}`;
    waiting.set(rebuilt, own());
    for (const row of rows) {
      waiting.set(row.sweep, sweepOf(own(), row, parts.columns));
      row.place();
    }
    ask();
  }

  const tell = () => python.soon({ base, axis, at, z: codeOf(axis) });

  function begin(next) {
    base = next;
    at = own();
    show();
    tell();
  }

  function change(i, value) {
    const next = withValue(at, i, round(value));
    if (same(next, at) && axis === i) return;
    [at, axis] = [next, i];
    rows.find((row) => row.axis === i).place();
    ask();
    tell();
  }

  function press(event, { axis: i, low, high, step }) {
    const by = (SIGNS[event.key] ?? 0) * step * (event.shiftKey ? 10 : 1);
    if (event.key === "Home") change(i, own()[i]);
    else if (by) change(i, Math.max(low, Math.min(high, at[i] + by)));
    else return;
    event.preventDefault();
  }

  function fromPython() {
    const now = [model.get("base"), model.get("axis")], next = model.get("at");
    if (same(now, [base, axis]) && same(next, at)) return;
    [base, axis, at] = [...now, next.slice()];
    show();
  }

  furnish();
  const events = ["change:base", "change:axis", "change:at"];
  for (const event of events) model.on(event, fromPython);
  model.on("change:_parts", furnish);
  model.on("change:_decoder", show);
  return () => {
    decode.stop();
    for (const event of events) model.off(event, fromPython);
    model.off("change:_parts", furnish);
    model.off("change:_decoder", show);
  };
}

export default { render };
