// A weighted sum of three codes, and what is decoded from it and from each of them.
import { bind, hear } from "./bind.js";
import { floats } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, menuOf, mount, publish } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { round, showCode } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

/** Σ weight · code for three rows of `codes`, which has `size` numbers a row. */
export function combine(codes, size, terms, weights) {
  return Array.from({ length: size }, (_, i) =>
    terms.reduce((sum, row, k) => sum + weights[k] * codes[row * size + i], 0));
}

function render({ model, el }) {
  const format = model.get("_picture"), size = model.get("z").length;
  let bank;
  const settle = (news) => { state.set(news); state.rest(); };
  const summand = (caption, picture, ...more) => {
    const element = figure(caption, picture.canvas);
    element.classList.add("vl-sum");
    element.append(...more);
    return element;
  };
  const parts = ["a", "b", "c"].map((name, k) => {
    const picture = pictureOf(format, `term vl-term-${name}`, `${name}, decoded`);
    const menu = menuOf(name, (row) => settle({ terms: state.now.terms.with(k, row) }));
    const slider = sliderOf(`Weight of ${name}`, { low: -2, high: 2, step: 0.05, whole: true, home: 0, name: "×" },
      (v) => state.set({ weights: state.now.weights.with(k, round(v)) }), () => state.rest());
    return { picture, menu, slider, element: summand(name, picture, menu.element, slidersOf(slider)) };
  });
  const result = pictureOf(format, "decoded", "The sum, decoded"), words = make("figcaption");
  const root = mount(
    el, "latent-arithmetic", "Arithmetic with codes",
    box("row", ...parts.map((part) => part.element), summand(words, result)),
    box("buttons", button("a − b + c", () => settle({ weights: [1, -1, 1] }))),
  );
  const decode = evaluator(model, "decoder", root, (pixels, codes) => {
    const part = pixels.length / 4;
    [...parts.map(({ picture }) => picture), result].forEach((picture, k) =>
      picture.paint(pixels.subarray(k * part, (k + 1) * part)));
    publish(root, codes.slice(3 * size), state.now);
  }, size);
  const state = bind(model, ["terms", "weights"], ({ terms, weights }) => {
    parts.forEach(({ menu, slider }, k) => {
      menu.element.value = terms[k];
      slider.show(weights[k]);
    });
    const z = combine(bank, size, terms, weights);
    words.textContent = size > 4 ? "the sum" : showCode(z);
    decode.ask([...terms.flatMap((row) => Array.from(bank.subarray(row * size, (row + 1) * size))), ...z]);
    return { z };
  }, decode);

  function furnish() {
    const { codes, names } = model.get("_bank");
    bank = floats(codes);
    for (const { menu } of parts) menu.offer(names);
    state.show();
  }

  furnish();
  return hear(model, { _bank: furnish }, state.stop, decode.stop);
}

export default { render };
