// Draws with their noise held still: move μ and σ, and compare two gradients.
import { bind, hear, perFrame } from "./bind.js";
import { chartOf } from "./chart.js";
import { box, button, figure, make, mount, publish, put } from "./elements.js";
import { draggable } from "./hand.js";
import { gridOf, logNormal, normal, roundUp } from "./maths.js";
import { clamp, minus, round, say } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

const REACH = 3;
const RATE = 20;

/** What is averaged, its slope, and the exact gradient of its mean along μ. */
const FUNCTIONS = {
  bowl: {
    name: "f(z) = (z − 1)²", low: 0, high: 16,
    f: (z) => (z - 1) ** 2,
    slope: (z) => 2 * (z - 1),
    exact: (mu) => 2 * (mu - 1),
  },
  sine: {
    name: "f(z) = sin 20z", low: -1, high: 1,
    f: (z) => Math.sin(RATE * z),
    slope: (z) => RATE * Math.cos(RATE * z),
    exact: (mu, sigma) => RATE * Math.cos(RATE * mu) * Math.exp(-((RATE * sigma) ** 2) / 2),
  },
  step: {
    name: "f(z) = 1 where z > 0, else 0", low: 0, high: 1,
    f: (z) => (z > 0 ? 1 : 0),
    slope: () => 0,
    exact: (mu, sigma) => Math.exp(logNormal(0, mu, sigma)),
  },
};

/** Both estimates of the gradient along μ, one for each draw. */
export function estimates(name, eps, mu, sigma, baseline) {
  const { f, slope, exact } = FUNCTIONS[name];
  const z = eps.map((e) => mu + sigma * e);
  const values = z.map(f);
  const total = values.reduce((a, v) => a + v, 0);
  // Leave one out: the mean of the other draws, which knows nothing of this one.
  const others = (v) => (baseline ? (total - v) / (values.length - 1) : 0);
  return {
    z,
    pathwise: z.map(slope),
    score: values.map((v, i) => ((v - others(v)) * eps[i]) / sigma),
    exact: exact(mu, sigma),
  };
}

/** Mean and standard deviation. */
export function meanAndSpread(values) {
  const mean = values.reduce((a, v) => a + v, 0) / values.length;
  const square = values.reduce((a, v) => a + (v - mean) ** 2, 0);
  return [mean, Math.sqrt(square / (values.length - 1))];
}

/** The least of 1, 2, 5, 10, 20, … that is not below v. */
export const niceLimit = (v) => roundUp(Math.max(v, 0.1), [1, 2, 5, 10]);

const LIMITS = { mu: [-REACH, REACH], sigma: [0.02, 2] };
const two = (v) => minus(+v.toPrecision(2));
const SIGNED = { true: "vl-up", false: "vl-down" };

/** A circle for each draw in each row; its colour is the sign of ε. */
function drawsOf(chart, rows, height) {
  const group = chart.add("g");
  let all = [];
  return {
    furnish(eps) {
      // A height of its own for each draw, the same in all rows.
      all = eps.map((e, i) => rows.map((low) => make("svg:circle", {
        class: `vl-draw ${SIGNED[e > 0]}`, r: 3, cy: chart.up(low + height * (1 - ((i * 0.618034) % 1))),
      })));
      group.replaceChildren(...all.flat());
    },
    /** @param {number[][]} values a list for each row */
    show: (values) => all.forEach((dots, i) =>
      dots.forEach((dot, row) => put(dot, { cx: chart.across(values[row][i]) }))),
  };
}

/** From above: the function, the density of z with its knobs, and the draws. */
function bellOf() {
  const chart = chartOf({
    size: [400, 300], x: [-REACH, REACH], y: [-0.78, 2.8], edge: [4, 0, 20, 0],
    ticks: [gridOf(-REACH, REACH, 2 * REACH), [0]], said: (t, ofY) => (ofY ? "" : minus(t)), titles: ["z"],
    label: "The function, the density of z, and the draws",
  });
  const curve = chart.add("path", { class: "vl-curve vl-f" }), bell = chart.add("path", { class: "vl-ellipse" });
  const name = make("svg:text", { x: 8, y: 16, class: "vl-head" });
  chart.front.append(name);
  const draws = drawsOf(chart, [-0.7], 0.56), knobs = [chart.knob(), chart.knob()];
  return {
    chart,
    draws,
    show({ mu, sigma, f }) {
      const { f: value, low, high, name: title } = FUNCTIONS[f];
      name.textContent = title;
      put(curve, { d: chart.path(gridOf(-REACH, REACH, 600).map((z) => [z, 1.25 + (1.2 * (value(z) - low)) / (high - low)])) });
      const height = (s) => Math.exp(-(s * s) / 2);
      put(bell, { d: chart.path(gridOf(-4, 4, 80).map((s) => [mu + s * sigma, height(s)])) });
      knobs.forEach((knob, s) => knob.move(clamp(mu + s * sigma, -REACH, REACH), height(s)));
    },
    /** Which knob is nearer to the pointer. */
    nearest({ clientX, clientY }) {
      const [top, shoulder] = knobs.map(({ dot }) => {
        const { left, top, width, height } = dot.getBoundingClientRect();
        return Math.hypot(clientX - left - width / 2, clientY - top - height / 2);
      });
      return shoulder < top ? "sigma" : "mu";
    },
  };
}

/** Both estimates, a point for each draw, with their means and the exact gradient. */
function stripsOf() {
  const chart = chartOf({
    size: [400, 300], x: [-1, 1], y: [0, 2], edge: [4, 14, 20, 14],
    said: (t, ofY) => (ofY ? "" : minus(t)),
    label: "The two estimates of the gradient, a point for each draw",
  });
  const draws = drawsOf(chart, [1.05, 0.05], 0.7);
  const truth = chart.add("path", { class: "vl-truth" });
  const means = [0, 1].map(() => chart.add("path", { class: "vl-average" }));
  chart.front.append(...["pathwise: f ′(z)", "score function: f(z) · ε / σ"].map((text, row) =>
    make("svg:text", { x: 8, y: chart.up(2 - row) + 16, class: "vl-head" }, text)));
  return {
    chart,
    draws,
    show(both, averages, exact) {
      const limit = niceLimit(both.flat().reduce((a, v) => Math.max(a, Math.abs(v)), Math.abs(exact)));
      chart.scale({ x: [-limit, limit], ticks: [[-limit, -limit / 2, 0, limit / 2, limit].map(round), [1]] });
      draws.show(both);
      put(truth, { d: chart.path([[exact, 0], [exact, 1.9]]) });
      averages.forEach((mean, row) => put(means[row], { d: chart.path([[mean, 1.02 - row], [mean, 1.8 - row]]) }));
    },
  };
}

/** Means, spreads, and how the variances compare. */
function reportOf(path, scores) {
  const ratio = (scores[1] / path[1]) ** 2;
  const compared = !Number.isFinite(ratio) ? "all pathwise estimates are the same"
    : ratio >= 1 ? `the score function's variance is ${two(ratio)} times the pathwise`
      : `the pathwise variance is ${two(1 / ratio)} times the score function's`;
  return `Mean and spread: pathwise ${say(path[0])} ± ${say(path[1])}, `
    + `score function ${say(scores[0])} ± ${say(scores[1])}; ${compared}.`;
}

function render({ model, el }) {
  let held = "mu", drawn;
  const bell = bellOf(), strips = stripsOf(), pad = box("pad", bell.chart.element);
  const rest = () => state.rest();
  const sliders = [
    sliderOf("μ", { low: -REACH, high: REACH, step: 0.02, home: 0 }, (mu) => move({ mu }), rest),
    sliderOf("σ", { low: 0.02, high: 2, log: true, step: Math.log(1.03), home: 1 }, (sigma) => move({ sigma }), rest),
  ];
  const dragging = draggable(pad, {
    grab(event) {
      held = bell.nearest(event);
      sliders[+(held === "sigma")].input.focus({ preventScroll: true });
    },
    drag(event) {
      const [z] = bell.chart.at(event);
      move(held === "mu" ? { mu: z } : { sigma: Math.abs(z - state.now.mu) });
    },
    rested: rest,
  });
  const choice = make(
    "select", { "aria-label": "The function f", change: () => move({ f: choice.value }) },
    ...Object.keys(FUNCTIONS).map((key) => make("option", { value: key }, FUNCTIONS[key].name)),
  );
  const tick = make("input", { type: "checkbox", change: () => move({ baseline: tick.checked }) });
  const report = make("p", { class: "vl-note" }), words = make("figcaption");
  const root = mount(
    el, "reparameterise", "Reparameterise",
    box("row", figure("Drag the top of the bell to move μ, its shoulder to change σ", pad),
      figure(words, strips.chart.element)),
    box("panel", slidersOf(...sliders),
      box("buttons", choice,
        button("New noise ε", () => move({ eps: state.now.eps.map(normal) })),
        make("label", { class: "vl-seen" }, tick, "subtract a baseline"))),
    report,
  );
  const paint = perFrame(() => {
    const { mu, sigma, f, baseline, eps } = state.now;
    if (drawn !== eps) [bell, strips].forEach(({ draws }) => draws.furnish(eps));
    drawn = eps;
    const { z, pathwise, score, exact } = estimates(f, eps, mu, sigma, baseline);
    const stats = [pathwise, score].map(meanAndSpread);
    bell.show(state.now);
    bell.draws.show([z]);
    strips.show([pathwise, score], stats.map(([mean]) => mean), exact);
    words.textContent = `Gradient along μ. Thick: means. Dashed: exact, ${say(exact)}`;
    report.textContent = reportOf(...stats);
    [mu, sigma].forEach((v, i) => sliders[i].show(v, `${"μσ"[i]} ${say(v)}`, say(v)));
    choice.value = f;
    tick.checked = baseline;
    const text = (pair) => pair.map((v) => v.toFixed(6)).join(",");
    publish(root, [mu, sigma], { pathwise: text(stats[0]), score: text(stats[1]), exact: text([exact]) });
  });
  const state = bind(model, ["mu", "sigma", "f", "baseline", "eps"], () => paint(), { busy: dragging });

  function move(changes) {
    for (const name of Object.keys(LIMITS))
      if (name in changes) changes[name] = round(clamp(changes[name], ...LIMITS[name]));
    state.set(changes);
  }

  state.show();
  return hear(model, {}, state.stop, paint.stop);
}

export default { render };
