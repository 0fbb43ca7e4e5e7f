// A mixture of Gaussians fitted to numbers while the reader adds components; who
// is responsible for the place under the pointer.
import { bind, hear, perFrame } from "./bind.js";
import { floats } from "./bytes.js";
import { chartOf } from "./chart.js";
import { box, button, make, mount, publish, put } from "./elements.js";
import { draggable } from "./hand.js";
import { gridOf, logNormal, logSumExp } from "./maths.js";
import { clamp, minus, round, say } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

/** Weight, mean and sigma of each component before the first step. */
export function startMixture(sorted, size) {
  const n = sorted.length;
  const mean = sorted.reduce((a, b) => a + b, 0) / n;
  const spread = Math.sqrt(sorted.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
  return Array.from({ length: size }, (_, m) => {
    const place = ((m + 0.5) / size) * (n - 1), below = Math.floor(place);
    const above = Math.min(below + 1, n - 1);
    const mu = sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    return { pi: 1 / size, mu, sigma: spread / size };
  });
}

/** log pi_m + log N(x; mu_m, sigma_m) for each component. */
export const jointOf = (mixture, x) =>
  mixture.map(({ pi, mu, sigma }) => Math.log(pi) + logNormal(x, mu, sigma));

/** p(m|x) for each component. */
export function responsible(mixture, x) {
  const joint = jointOf(mixture, x), total = logSumExp(joint);
  return joint.map((v) => Math.exp(v - total));
}

/** The mean of log p(x), in nats. */
export const scoreOf = (mixture, xs) =>
  xs.reduce((sum, x) => sum + logSumExp(jointOf(mixture, x)), 0) / xs.length;

/** One step of EM (Dempster, Laird & Rubin 1977). */
export function stepMixture(mixture, xs, floor) {
  const sums = mixture.map(() => [0, 0, 0]);
  const shares = Array.from(xs, (x) => responsible(mixture, x));
  shares.forEach((r, i) => r.forEach((v, m) => {
    sums[m][0] += v;
    sums[m][1] += v * xs[i];
  }));
  const means = sums.map(([n, s]) => s / n);
  shares.forEach((r, i) => r.forEach((v, m) => {
    sums[m][2] += v * (xs[i] - means[m]) ** 2;
  }));
  return sums.map(([n, , square], m) => ({
    pi: n / xs.length, mu: means[m], sigma: Math.max(Math.sqrt(square / n), floor),
  }));
}

/** The histogram, the fitted density and its components, and a place on it. */
function densityOf({ low, high, ticks, bars, top, label }, colour) {
  const chart = chartOf({
    size: [480, 290], x: [low, high], y: [0, top], ticks: [ticks, []], titles: [label],
    edge: [12, 0, label.length < 3 ? 22 : 40, 0], label: "Histogram of the data, the fitted density, and its components",
  });
  const edges = gridOf(low, high, bars.length);
  chart.add("g", { class: "vl-bars" }, ...bars.map((p, i) => make("svg:rect", {
    x: chart.across(edges[i]), y: chart.up(p), height: chart.up(0) - chart.up(p),
    width: chart.across(edges[1]) - chart.across(low) - 1,
  })));
  const parts = chart.add("g", { class: "vl-parts" });
  const total = chart.add("path", { class: "vl-total" });
  const hair = chart.add("path", { class: "vl-hair" });
  const tags = make("svg:g"), knob = chart.knob(6), grid = gridOf(low, high, 240);
  chart.words.append(tags);
  const curve = (log) => chart.path(grid.map((x) => [x, Math.exp(log(x))]));
  return {
    chart,
    fit(mixture) {
      parts.replaceChildren(...mixture.map((one, m) => make("svg:path", {
        d: curve((x) => jointOf([one], x)[0]), style: `stroke:${colour(m)};fill:${colour(m)}`,
      })));
      tags.replaceChildren(...mixture.map((one, m) => make("svg:text", {
        x: chart.across(one.mu), y: Math.max(14, chart.up(Math.exp(jointOf([one], one.mu)[0])) + 16),
        class: "vl-class",
      }, String(m + 1))));
      put(total, { d: curve((x) => logSumExp(jointOf(mixture, x))) });
    },
    look(mixture, x) {
      put(hair, { d: chart.path([[x, 0], [x, top]]) });
      knob.move(x, Math.exp(logSumExp(jointOf(mixture, x))));
    },
  };
}

/** In words: who is responsible for the place x. */
function sayShares(r, x) {
  const best = r.indexOf(Math.max(...r));
  const rest = r.map((v, m) => (m !== best && v > 0.005 ? `${m + 1} has ${say(v)}` : "")).filter(Boolean);
  return [`p(m | x) at x = ${say(x)}: component ${best + 1} has ${say(r[best])}`, ...rest].join(", ");
}

const list = (values, digits) => values.map((v) => v.toFixed(digits)).join(",");

function render({ model, el }) {
  const { most, steps, floor, low, high, step, label, colours } = model.get("_plan");
  const xs = floats(model.get("_x")).sort(), others = floats(model.get("_held_out"));
  const colour = (m) => colours[m % colours.length];
  const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;
  const density = densityOf(model.get("_plan"), colour), plot = density.chart.element;
  let mixture, size, done = 0;
  const shares = make("div", { class: "vl-shares", "aria-hidden": "true" });
  const score = make("p", { class: "vl-says", role: "status" }), words = make("p", { class: "vl-says" });
  const rest = () => state.rest();
  const choose = (components) => state.set({ components: clamp(Math.round(components), 1, most) });
  const look = (x) => state.set({ at: round(clamp(x, low, high)) });
  const count = sliderOf("Number of components", { low: 1, high: most, step: 1, whole: true, home: 1, name: "M" }, choose, rest);
  const spot = sliderOf(label, { low, high, step, name: "x" }, look, rest);
  const more = (text, name, by) => button(text, () => { choose(state.now.components + by); rest(); }, { "aria-label": name });
  const point = (event) => look(density.chart.at(event)[0]);
  draggable(plot, { drag: point, rested: rest });
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerleave", rest);
  const root = mount(
    el, "mixture-fit", "Mixture fit",
    box("mixture", box("density", plot), shares, words, slidersOf(count, spot),
      box("buttons", more("− component", "Remove a component", -1), more("+ component", "Add a component", 1)),
      score),
  );

  const paint = perFrame(() => {
    if (size !== state.now.components) begin();
    if (done < steps || !done) fit();
    const { at } = state.now, r = responsible(mixture, at), said = sayShares(r, at);
    density.look(mixture, at);
    shares.replaceChildren(...r.map((v, m) => make("span", { style: `flex-grow:${v};background:${colour(m)}` })));
    words.textContent = said;
    spot.show(at, said, say(at));
    publish(root, [], { r: list(r, 4), steps: done });
    root.dataset.z = `${size},${at.toFixed(3)}`;
    if (done < steps) paint();
  });

  /** Starts the fit anew; it goes on frame by frame. */
  function begin() {
    size = state.now.components;
    mixture = startMixture(xs, size);
    done = 0;
  }

  function fit() {
    // Slowly at first, where most of the movement is.
    const until = still ? steps : Math.min(steps, done + 1 + Math.floor(done / 6));
    for (; done < until; done++) mixture = stepMixture(mixture, xs, floor);
    density.fit(mixture);
    const own = scoreOf(mixture, xs), theirs = others.length ? scoreOf(mixture, others) : NaN;
    // Only at rest: nobody wants thirty numbers read aloud.
    if (done === steps)
      score.textContent = `log p(x), mean: ${minus(own.toFixed(3))} nats on these ${xs.length}`
        + (others.length ? `, ${minus(theirs.toFixed(3))} on ${others.length} others` : "");
    Object.assign(root.dataset, {
      fit: list([own, theirs], 5),
      mixture: mixture.map(({ pi, mu, sigma }) => list([pi, mu, sigma], 5).replaceAll(",", " ")).join(),
    });
  }

  const state = bind(model, ["components", "at"], ({ components }) => {
    count.show(components, `${components} component${components > 1 ? "s" : ""}`, String(components));
    paint();
  });
  state.show();
  return hear(model, {}, state.stop, paint.stop);
}

export default { render };
