// Two latent planes of the same pictures: linked by the picture, or each on its own.
import {
  evaluator, floats, make, mount, publish, round, same, say, teller,
} from "./was_controls.js";
import { figure, pictureOf } from "./was_drawing.js";
import { padOf } from "./was_pad.js";

/** The row of `codes`, x and y in turn, that is nearest to z, and how far it is. */
export function nearestOf(codes, [x, y]) {
  let index = -1, least = Infinity;
  for (let i = 0; 2 * i < codes.length; i++) {
    const square = (codes[2 * i] - x) ** 2 + (codes[2 * i + 1] - y) ** 2;
    if (square < least) [index, least] = [i, square];
  }
  return { index, distance: Math.sqrt(least) };
}

/** The nearest row to row `from` within 45° of an axis, or `from` if none is there. */
export function neighbourOf(codes, from, axis, sign) {
  let found = from, least = Infinity;
  for (let i = 0; 2 * i < codes.length; i++) {
    const along = sign * (codes[2 * i + axis] - codes[2 * from + axis]);
    const aside = codes[2 * i + 1 - axis] - codes[2 * from + 1 - axis];
    const square = along * along + aside * aside;
    if (along > 0 && Math.abs(aside) <= along && square < least) [found, least] = [i, square];
  }
  return found;
}

/** The squared differences, added up. */
export const squaredError = (a, b) => a.reduce((sum, v, p) => sum + (v - b[p]) ** 2, 0);

function render({ model, el }) {
  const linked = model.get("_linked");
  const format = model.get("_picture");
  const [low, high] = format.range;
  const size = format.shape.reduce((a, b) => a * b);
  let example = model.get("example"), x;
  const sides = ["", "_b"].map((mark, i) => {
    const name = model.get("_names")[i];
    const made = pictureOf(
      format, "decoded",
      linked ? `The picture rebuilt by ${name}` : `The picture decoded by ${name}`,
    );
    const words = make("p", { class: "vl-words-below" });
    const pad = padOf(name, {
      moved: (z) => (linked ? choose(nearestOf(side.codes, z).index) : place(side, z)),
      rested: () => python.now(),
      walk: linked ? (z, ...way) => side.code(wander(side, ...way)) : undefined,
    });
    const element = figure(name, pad.element).element;
    element.prepend(element.lastChild);
    element.append(make("div", { class: "vl-below" }, made.canvas, words));
    const side = {
      mark, name, made, words, pad, element,
      z: model.get("z" + mark).slice(),
      code: (k) => Array.from(side.codes.slice(2 * k, 2 * k + 2)),
    };
    return side;
  });
  const original = pictureOf(format, "x", "The picture that was chosen");
  const given = figure("", original.canvas);
  const root = mount(
    el, "pad-pair", `Latent planes of ${sides.map((s) => s.name).join(" and ")}`,
    make("div", { class: "vl-row vl-pair" },
      ...sides.map((s) => s.element), ...(linked ? [given.element] : [])),
  );
  for (const side of sides) {
    side.decode = evaluator(model, "decoder" + side.mark, root, (pixels, z) => {
      side.made.paint(pixels);
      side.painted = z;
      side.words.textContent = linked
        ? `squared error ${squaredError(Array.from(pixels), x).toFixed(1)}`
        : distanceInWords(side, z);
      if (sides.every((s) => s.painted)) publish(root, sides.flatMap((s) => s.painted));
    });
  }
  const python = teller(model, () => sides.every((s) => s.decode.inPage()));

  function distanceInWords(side, z) {
    const away = nearestOf(side.codes, z).distance;
    return `Nearest dot ${say(away)} away; 99 % of dots have one within ${say(side.gap)}.`;
  }

  /** `long` goes ten examples on. */
  function wander(side, axis, sign, long) {
    let at = example;
    for (let n = 0; n < (long ? 10 : 1); n++) at = neighbourOf(side.codes, at, axis, sign);
    return at;
  }

  function place(side, z) {
    show(side, z);
    python.soon({ ["z" + side.mark]: z });
  }

  function show(side, z, words) {
    side.z = z;
    side.pad.show(z, words);
    side.decode.ask(z);
  }

  function choose(next) {
    if (next === example) return;
    showExample(next);
    python.soon({ example, z: sides[0].z.map(round), z_b: sides[1].z.map(round) });
  }

  function showExample(next) {
    example = next;
    const { pixels, names } = model.get("_examples");
    x = Array.from({ length: size }, (_, p) =>
      low + (pixels.getUint8(example * size + p) / 255) * (high - low));
    original.paint(x);
    const what = names[example];
    given.words.textContent = what;
    root.dataset.example = example;
    for (const side of sides) show(side, side.code(example), `, ${what}`);
  }

  function furnish() {
    sides.forEach((side, i) => {
      side.codes = floats(model.get("_codes")[i]);
      side.gap = model.get("_gaps")[i];
      side.pad.furnish(model.get("_scene" + side.mark));
      if (!linked) show(side, side.z);
    });
    if (linked) showExample(example);
  }

  const busy = () => sides.some((s) => s.pad.dragging());
  const listeners = {
    "change:_codes": furnish,
    "change:example": () => {
      const next = model.get("example");
      if (linked && !busy() && next !== example) showExample(next);
    },
  };
  for (const side of sides) {
    listeners["change:z" + side.mark] = () => {
      const next = model.get("z" + side.mark);
      if (!linked && !side.pad.dragging() && !same(next, side.z)) show(side, next.slice());
    };
  }
  furnish();
  for (const [event, f] of Object.entries(listeners)) model.on(event, f);
  return () => {
    for (const side of sides) side.decode.stop();
    for (const [event, f] of Object.entries(listeners)) model.off(event, f);
  };
}

export default { render };
