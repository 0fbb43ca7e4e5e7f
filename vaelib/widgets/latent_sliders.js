// One slider for each latent dimension, and the decoding.
import {
  evaluator, floats, make, mount, nameOf, publish, round, same, say, teller,
} from "./controls.js";
import { figure, pictureOf } from "./drawing.js";

const SIGNS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

function render({ model, el }) {
  let z = model.get("z").slice();
  let rows, turn = 0;
  const picture = pictureOf(
    model.get("_picture"), "decoded", "The picture decoded from the sliders",
  );
  const list = make("div", { class: "vl-sliders", change: () => python.now() });
  const right = figure("", picture.canvas);
  const root = mount(
    el, "latent-sliders", "Latent sliders",
    make(
      "div", { class: "vl-row" },
      make(
        "div", { class: "vl-panel" }, list,
        make(
          "div", { class: "vl-buttons" },
          make("button", { type: "button", click: () => move(z.map(() => 0)) }, "Reset"),
          make("button", { type: "button", click: random }, "Random"),
        ),
      ),
      right.element,
    ),
  );
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    picture.paint(pixels);
    publish(root, code);
  });
  const python = teller(model, decode.inPage);

  function furnish() {
    const { low, high, inner, step } = model.get("_ranges");
    rows = z.map((_, i) => {
      const part = (v) => `${(100 * (v - low[i])) / (high[i] - low[i])}%`;
      const input = make("input", {
        type: "range", step: "any", min: low[i], max: high[i], "aria-label": nameOf(i),
        style: `--from:${part(inner[0][i])};--to:${part(inner[1][i])}`,
        input: () => change(i, +input.value),
        keydown: (event) => press(event, i, step[i]),
      });
      return { input, number: make("span", { class: "vl-number" }) };
    });
    list.replaceChildren(
      ...rows.flatMap(({ input, number }, i) => [
        make("span", { class: "vl-name", "aria-hidden": "true" }, nameOf(i)), input, number,
      ]),
    );
    place(z);
  }

  function place(next) {
    z = next;
    rows.forEach(({ input, number }, i) => {
      input.value = z[i];
      input.setAttribute("aria-valuetext", say(z[i]));
      number.textContent = say(z[i]);
    });
    decode.ask(z);
  }

  function move(next) {
    const rounded = next.map(round);
    if (same(rounded, z)) return;
    place(rounded);
    python.soon({ z: rounded });
  }

  const change = (i, value) => move(z.map((v, k) => (k === i ? value : v)));

  function press(event, i, step) {
    const { low, high } = model.get("_ranges");
    const by = (SIGNS[event.key] ?? 0) * step * (event.shiftKey ? 10 : 1);
    if (event.key === "Home") change(i, 0);
    else if (by) change(i, Math.max(low[i], Math.min(high[i], z[i] + by)));
    else return;
    event.preventDefault();
  }

  function random() {
    const bank = floats(model.get("_ranges").bank);
    const start = (turn++ * z.length) % bank.length;
    move(Array.from(bank.subarray(start, start + z.length)));
  }

  function fromPython() {
    const next = model.get("z");
    if (!same(next, z)) place(next.slice());
  }

  furnish();
  model.on("change:z", fromPython);
  model.on("change:_ranges", furnish);
  return () => {
    decode.stop();
    model.off("change:z", fromPython);
    model.off("change:_ranges", furnish);
  };
}

export default { render };
