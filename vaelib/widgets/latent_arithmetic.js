// A weighted sum of three codes, and what is decoded from it and from each of them.
import { evaluator, floats, make, mount, publish, round, say, teller } from "./was_controls.js";
import { figure, pictureOf, showCode } from "./was_drawing.js";

const NAMES = ["a", "b", "c"];

/** Σ weight · code for three rows of `codes`, which has `size` numbers a row. */
export function combine(codes, size, terms, weights) {
  return Array.from({ length: size }, (_, i) =>
    terms.reduce((sum, row, k) => sum + weights[k] * codes[row * size + i], 0));
}

function render({ model, el }) {
  const format = model.get("_picture");
  const size = model.get("z").length;
  let terms = model.get("terms").slice(), weights = model.get("weights").slice();
  let bank;
  const parts = NAMES.map((name, k) => {
    const picture = pictureOf(format, `term vl-term-${name}`, `${name}, decoded`);
    const select = make("select", {
      "aria-label": name, change: () => set({ terms: terms.with(k, +select.value) }, true),
    });
    const weight = make("input", {
      type: "range", min: -2, max: 2, step: 0.05, "aria-label": `Weight of ${name}`,
      style: "--from:50%;--to:50%",
      input: () => set({ weights: weights.with(k, round(+weight.value)) }),
      change: () => python.now(),
      keydown: (event) => {
        if (event.key !== "Home") return;
        event.preventDefault();
        set({ weights: weights.with(k, 0) }, true);
      },
    });
    const number = make("span", { class: "vl-number" });
    const shown = figure(name, picture.canvas);
    shown.element.classList.add("vl-sum");
    shown.element.append(select, make("div", { class: "vl-sliders" },
      make("span", { "aria-hidden": "true" }, "×"), weight, number));
    return { picture, select, weight, number, element: shown.element };
  });
  const result = pictureOf(format, "decoded", "The sum, decoded");
  const right = figure("", result.canvas);
  right.element.classList.add("vl-sum");
  const root = mount(
    el, "latent-arithmetic", "Arithmetic with codes",
    make("div", { class: "vl-row" }, ...parts.map((part) => part.element), right.element),
    make("div", { class: "vl-buttons" },
      make("button", { type: "button", click: () => set({ weights: [1, -1, 1] }, true) }, "a − b + c")),
  );
  const decode = evaluator(model, "decoder", root, (pixels, codes) => {
    const part = pixels.length / 4;
    parts.forEach(({ picture }, k) => picture.paint(pixels.subarray(k * part, (k + 1) * part)));
    result.paint(pixels.subarray(3 * part));
    publish(root, codes.slice(3 * size));
    Object.assign(root.dataset, { terms, weights });
  }, size);
  const python = teller(model, decode.inPage);

  function furnish() {
    const { codes, names } = model.get("_bank");
    bank = floats(codes);
    for (const { select } of parts)
      select.replaceChildren(...names.map((name, i) => make("option", { value: i }, name)));
    show();
  }

  function show() {
    parts.forEach(({ select, weight, number }, k) => {
      select.value = terms[k];
      weight.value = weights[k];
      weight.setAttribute("aria-valuetext", say(weights[k]));
      number.textContent = say(weights[k]);
    });
    const z = combine(bank, size, terms, weights);
    right.words.textContent = size > 4 ? "the sum" : showCode(z);
    const each = terms.map((row) => Array.from(bank.subarray(row * size, (row + 1) * size)));
    decode.ask([...each.flat(), ...z]);
    return z;
  }

  function set(news, rested) {
    ({ terms = terms, weights = weights } = news);
    python.soon({ ...news, z: show() });
    if (rested) python.now();
  }

  function fromPython() {
    const now = [model.get("terms"), model.get("weights")];
    if (now.join() === [terms, weights].join()) return;
    [terms, weights] = now.map((list) => list.slice());
    show();
  }

  furnish();
  model.on("change:terms", fromPython);
  model.on("change:weights", fromPython);
  model.on("change:_bank", furnish);
  return () => {
    decode.stop();
    model.off("change:terms", fromPython);
    model.off("change:weights", fromPython);
    model.off("change:_bank", furnish);
  };
}

export default { render };
