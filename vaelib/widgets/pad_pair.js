// Two latent planes of the same pictures: linked by the picture, or each on its own.
import { bind, hear } from "./bind.js";
import { floats, pixelsAt } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, figure, make, mount, publish } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { squaredError } from "./maths.js";
import { round, say } from "./numbers.js";
import { padOf } from "./pad.js";

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

/** One plane, with what its model makes of the point. */
function sideOf(model, mark, i, linked, state) {
  const name = model.get("_names")[i];
  const made = pictureOf(model.get("_picture"), "decoded",
    linked ? `The picture rebuilt by ${name}` : `The picture decoded by ${name}`);
  const words = make("p", { class: "vl-words-below" });
  /** An arrow key goes to the next example that way. */
  const walk = (_, axis, steps) => {
    let at = state().now.example;
    for (let n = 0; n < Math.abs(steps); n++) at = neighbourOf(side.codes, at, axis, Math.sign(steps));
    return side.code(at);
  };
  const pad = padOf(name, {
    moved: (z) => state().set(linked ? { example: nearestOf(side.codes, z).index } : { ["z" + mark]: z }),
    rested: () => state().rest(),
    walk: linked ? walk : undefined,
  });
  const side = {
    name, made, pad, words,
    element: make("figure", { class: "vl-figure" },
      make("figcaption", {}, name), pad.element, box("below", made.canvas, words)),
    code: (k) => Array.from(side.codes.slice(2 * k, 2 * k + 2)),
    furnish() {
      side.codes = floats(model.get("_codes")[i]);
      pad.furnish(model.get("_scene" + mark));
    },
    show(z, more) {
      pad.show(z, more);
      side.decode.ask(z);
    },
    distance: (z) => `Nearest dot ${say(nearestOf(side.codes, z).distance)} away; `
      + `99 % of dots have one within ${say(model.get("_gaps")[i])}.`,
  };
  return side;
}

function render({ model, el }) {
  const linked = model.get("_linked"), marks = ["", "_b"];
  const sides = marks.map((mark, i) => sideOf(model, mark, i, linked, () => state));
  const original = pictureOf(model.get("_picture"), "x", "The picture that was chosen");
  const what = make("figcaption");
  let x;
  const root = mount(
    el, "pad-pair", `Latent planes of ${sides.map((side) => side.name).join(" and ")}`,
    box("row vl-pair", ...sides.map((side) => side.element), ...(linked ? [figure(what, original.canvas)] : [])),
  );
  sides.forEach((side, i) => {
    side.decode = evaluator(model, "decoder" + marks[i], root, (pixels, z) => {
      side.made.paint(pixels);
      side.painted = z;
      side.words.textContent = linked ? `squared error ${squaredError(pixels, x).toFixed(1)}` : side.distance(z);
      if (sides.every(({ painted }) => painted)) publish(root, sides.flatMap(({ painted }) => painted));
    });
  });

  /** The same picture on both planes. */
  function showExample({ example }) {
    const { pixels, names } = model.get("_examples");
    x = pixelsAt(pixels, example, model.get("_picture"));
    original.paint(x);
    what.textContent = names[example];
    root.dataset.example = example;
    const codes = sides.map((side) => side.code(example));
    sides.forEach((side, i) => side.show(codes[i], `, ${names[example]}`));
    return { z: codes[0].map(round), z_b: codes[1].map(round) };
  }

  const showCodes = (now) => sides.forEach((side, i) => side.show(now["z" + marks[i]]));
  const state = bind(model, linked ? ["example"] : ["z", "z_b"], linked ? showExample : showCodes, {
    inPage: () => sides.every((side) => side.decode.inPage()),
    busy: (name) => sides.some((side, i) => (linked || name === "z" + marks[i]) && side.pad.dragging()),
  });

  function furnish() {
    for (const side of sides) side.furnish();
    state.show();
  }

  furnish();
  return hear(model, { _codes: furnish }, state.stop, ...sides.map((side) => side.decode.stop));
}

export default { render };
