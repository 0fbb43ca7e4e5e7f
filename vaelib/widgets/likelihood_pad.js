// One code, decoded under several likelihoods at once: mean, sample and σ of each.
import { bind, hear } from "./bind.js";
import { floats } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, mount, publish } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { showCode } from "./numbers.js";
import { padOf } from "./pad.js";

const chanceOf = (logit) => 1 / (1 + Math.exp(-logit));

/** vaelib.distributions.smooth_bound. */
function bounded(raw) {
  const inside = Math.max(-10, Math.min(10, raw));
  return inside + 0.5 * Math.asinh(2 * (raw - inside));
}

/** Two uniform numbers as one normal one (Box & Muller 1958). */
const normalOf = (u, v) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);

/** Each kind's mean, σ and sample of pixel k, from its features and two uniforms. */
const kinds = {
  gaussian(f, k, size, u, v, { log_var: shared, floor }) {
    const variance = Math.exp(shared ?? bounded(f[size + k])) + floor * floor;
    return [f[k], Math.sqrt(variance), f[k] + Math.sqrt(variance) * normalOf(u, v)];
  },
  bernoulli(f, k, size, u) {
    const p = chanceOf(f[k]);
    return [p, Math.sqrt(p * (1 - p)), u < p ? 1 : 0];
  },
  continuous(f, k, size, u) {
    // Near logit 0 it is uniform, and the closed forms would lose their digits.
    const l = Math.abs(f[k]) < 1e-3 ? 1e-3 : f[k], a = Math.abs(l);
    const near = -Math.log1p((l > 0 ? 1 - u : u) * Math.expm1(-a)) / a;
    const variance = 1 / (a * a) - Math.exp(-a) / Math.expm1(-a) ** 2;
    return [1 / -Math.expm1(-l) - 1 / l, Math.sqrt(variance), l > 0 ? 1 - near : near];
  },
  levels(f, k, size, u, v, { levels }) {
    const all = Array.from({ length: levels }, (_, l) => f[l * size + k]);
    const top = Math.max(...all), parts = all.map((x) => Math.exp(x - top));
    const total = parts.reduce((a, b) => a + b);
    const expect = (g) => parts.reduce((sum, p, l) => sum + (p / total) * g(l / (levels - 1)), 0);
    let left = u * total, level = 0;
    while (level < levels - 1 && (left -= parts[level]) >= 0) level++;
    const mean = expect((x) => x);
    return [mean, Math.sqrt(expect((x) => (x - mean) ** 2)), level / (levels - 1)];
  },
};

/** How many numbers a head wants for each pixel. */
export const featuresOf = ({ kind, log_var: shared, levels }) =>
  ({ gaussian: shared === null ? 2 : 1, levels })[kind] ?? 1;

/** Means, samples and σ, one array each, of all pixels. */
export function drawnOf(head, features, noise) {
  const size = noise.length / 2;
  const [means, sigmas, samples] = [0, 0, 0].map(() => new Float32Array(size));
  for (let k = 0; k < size; k++)
    [means[k], sigmas[k], samples[k]] = kinds[head.kind](features, k, size, noise[k], noise[size + k], head);
  return { mean: means, sample: samples, "σ": sigmas };
}

function render({ model, el }) {
  const heads = model.get("_heads"), format = model.get("_picture");
  const noise = floats(model.get("_noise")), size = format.shape.reduce((a, b) => a * b);
  const draws = noise.length / (2 * size), rows = ["mean", "sample", "σ"];
  const pictures = heads.map(({ name }, i) => Object.fromEntries(rows.map((row) =>
    [row, pictureOf(row === "σ" ? { ...format, range: [0, 0.5] } : format,
      `${row === "σ" ? "sigma" : row}-${i}`, `${row} under ${name}`)])));
  const widths = heads.map(() => make("span"));
  const pad = padOf("", { moved: (z) => state.set({ z }), rested: () => state.rest() });
  const words = make("figcaption");
  const cell = (text) => make("span", {}, text);
  const table = make("div", { class: "vl-heads", style: `--columns:${heads.length}` },
    cell(""), ...heads.map(({ name }) => cell(name)),
    ...rows.flatMap((row) => [cell(row), ...pictures.map((of) => of[row].canvas)]),
    cell("mean σ"), ...widths);
  const root = mount(el, "likelihood-pad", "One code under several likelihoods",
    box("row", figure(words, pad.element), box("said", table,
      box("buttons", button("New sample", () => {
        state.set({ draw: (state.now.draw + 1) % draws });
        state.rest();
      })))));
  const decode = evaluator(model, "decoder", root, (features, z) => {
    const { draw } = state.now, drawn = noise.subarray(2 * size * draw, 2 * size * (draw + 1));
    let at = 0;
    heads.forEach((head, i) => {
      const own = features.subarray(at, (at += size * featuresOf(head)));
      const made = drawnOf(head, own, drawn);
      for (const row of rows) pictures[i][row].paint(made[row]);
      widths[i].textContent = (made["σ"].reduce((a, b) => a + b) / size).toFixed(3);
    });
    words.textContent = showCode(z);
    publish(root, z, { draw });
  });
  const state = bind(model, ["z", "draw"], ({ z }) => {
    pad.show(z);
    decode.ask(z);
  }, { inPage: decode.inPage, busy: (name) => name === "z" && pad.dragging() });

  function furnish() {
    pad.furnish(model.get("_scene"));
    state.show();
  }

  furnish();
  return hear(model, { _scene: furnish }, state.stop, decode.stop);
}

export default { render };
