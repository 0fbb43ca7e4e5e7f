// One latent dimension: drag q; the bound and its gap trade, log p(x) stays.
import { bind, hear, perFrame } from "./bind.js";
import { floats } from "./bytes.js";
import { chartOf } from "./chart.js";
import { box, figure, make, menuOf, mount, publish, put } from "./elements.js";
import { draggable } from "./hand.js";
import { gridOf, logNormal, logSumExp } from "./maths.js";
import { clamp, round, say } from "./numbers.js";
import { playerOf } from "./player.js";
import { sliderOf, slidersOf } from "./slider.js";

/** log p(x): the sum of p(x, z) over the grid, without underflow. */
const evidenceOf = ({ step }, joint) => logSumExp(joint) + Math.log(step);

/**
 * ELBO and gap in nats, each by its own sum over the grid: that they add up to
 * log p(x) is nowhere assumed.
 * @param {ArrayLike<number>} joint log p(x, z) at low, low + step, …
 */
function boundsOf({ low, step }, joint, evidence, mu, sigma) {
  let elbo = 0, gap = 0;
  for (let i = 0; i < joint.length; i++) {
    const logQ = logNormal(low + i * step, mu, sigma);
    const q = Math.exp(logQ) * step;
    elbo += q * (joint[i] - logQ);
    gap += q * (logQ - (joint[i] - evidence));
  }
  return { elbo, gap };
}

/** One step uphill on the ELBO, in μ and log σ, no longer than 0.05 each. */
function uphill(bound, mu, sigma, rate = 0.02, h = 1e-3) {
  const slope = (a, b) => (bound(...a).elbo - bound(...b).elbo) / (2 * h);
  const pace = (v) => clamp(rate * v, -0.05, 0.05);
  return [
    mu + pace(slope([mu + h, sigma], [mu - h, sigma])),
    sigma * Math.exp(pace(slope([mu, sigma * Math.exp(h)], [mu, sigma * Math.exp(-h)]))),
  ];
}

/** The curves: the exact posterior, the prior, and q with a knob on its summit. */
function curvesOf({ low, high }) {
  const zs = gridOf(low, high, 350), whole = Math.ceil(low);
  const chart = chartOf({
    size: [400, 300], x: [low, high], y: [0, 2], edge: [12, 0, 20, 0], titles: ["z"],
    ticks: [gridOf(whole, Math.floor(high), Math.floor(high) - whole), []],
  });
  const paths = Object.fromEntries(["posterior", "prior", "q"].map((name) =>
    [name, chart.add("path", { class: `vl-curve vl-${name}` })]));
  const knob = chart.knob(9);
  return {
    element: chart.element,
    draw: (name, density) => put(paths[name], { d: chart.path(zs.map((z) => [z, density(z)])) }),
    summit: (mu, sigma) => knob.move(mu, Math.exp(logNormal(0, 0, sigma))),
    /** μ and σ of the bell whose summit is under the pointer. */
    bellAt(event) {
      const [mu, density] = chart.at(event);
      return [mu, 1 / (Math.max(density, 1e-3) * Math.sqrt(2 * Math.PI))];
    },
  };
}

/** The ledger: a column that ends at log p(x), whatever its two parts are. */
function ledgerOf() {
  const DEEP = -5;
  const chart = chartOf({
    size: [400, 300], x: [0, 1], y: [DEEP, 0], edge: [40, 60, 0, 60], ticks: [[], [-1, -2, -3, -4]],
  });
  const parts = ["gap", "ELBO"].map((name) => ({
    area: chart.add("rect", { x: 130, width: 140, class: `vl-part-${name}` }),
    word: make("svg:text", { x: 200, class: "vl-class" }, name),
  }));
  chart.add("path", { class: "vl-level", d: chart.path([[0, 0], [1, 0]]) });
  chart.words.append(make("svg:text", { x: 200, y: 26, class: "vl-name" }, "log p(x)"), ...parts.map(({ word }) => word));
  return {
    element: chart.element,
    draw(gap) {
      const places = [0, Math.max(-gap, DEEP), DEEP].map(chart.up);
      parts.forEach(({ area, word }, i) => {
        const y = places[i], height = places[i + 1] - y;
        put(area, { y, height });
        put(word, { y: y + height / 2 + 6, visibility: height > 26 ? "visible" : "hidden" });
      });
    },
  };
}

const swatch = (name) => make("span", { class: `vl-swatch vl-${name}`, "aria-hidden": "true" });

/** ELBO, gap and log p(x), in nats. */
function tableOf() {
  const rows = [["ELBO", "q"], ["gap, KL(q‖p(z|x))", "posterior"], ["log p(x)", "evidence"]].map(([text, name]) => {
    const value = make("td");
    return { value, row: make("tr", {}, make("th", { scope: "row" }, swatch(name), text), value) };
  });
  return {
    element: make("table", { class: "vl-table", "aria-label": "In nats" },
      make("tbody", {}, ...rows.map(({ row }) => row))),
    show: (values) => values.forEach((v, i) => { rows[i].value.textContent = `${say(v)} nats`; }),
  };
}

function render({ model, el }) {
  const scene = model.get("_scene"), { names } = scene;
  const tables = scene.joints.map(floats);
  const evidences = tables.map((joint) => evidenceOf(scene, joint));
  const curves = curvesOf(scene.view), ledger = ledgerOf(), table = tableOf();
  const pad = box("pad", curves.element);
  let drawn;
  const sliders = [["mu", "mean μ", "μ"], ["sigma", "width σ", "σ"]].map(([key, label, name], i) => sliderOf(label, {
    low: scene.least[i], high: scene.most[i], step: 0.05, name, home: () => hand({ mu: 0, sigma: 1 }),
  }, (v) => hand({ [key]: v }), () => state.rest()));
  const dragging = draggable(pad, {
    grab: () => sliders[0].input.focus({ preventScroll: true }),
    drag(event) {
      const [mu, sigma] = curves.bellAt(event);
      hand({ mu, sigma });
    },
    rested: () => state.rest(),
  });
  const menu = menuOf("Decoder", (i) => {
    climb.stop();
    state.set({ decoder: names[i] });
    state.rest();
  });
  const climb = playerOf("Climb", "Stop", () => {
    let at = [state.now.mu, state.now.sigma], left = 200;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const bound = (mu, sigma) => boundsOf(scene, tables[chosen()], 0, mu, sigma);
    return () => {
      do at = uphill(bound, ...at); while (--left && still);
      move({ mu: at[0], sigma: at[1] });
      return left > 0;
    };
  }, () => state.rest());
  const words = make("figcaption", {},
    "Drag the summit of q", swatch("q"), "q(z)", swatch("posterior"), "p(z|x)", swatch("prior"), "p(z)");
  const left = figure(words, pad);
  left.append(slidersOf(...sliders), box("buttons", menu.element, climb.element));
  const right = figure("The column always ends at log p(x); scale in nats", ledger.element);
  right.append(table.element);
  const root = mount(el, "elbo-gap", "The bound and its gap", box("row vl-gap", left, right));
  const paint = perFrame(() => {
    const { mu, sigma, decoder } = state.now;
    const evidence = evidences[chosen()], joint = tables[chosen()];
    const { elbo, gap } = boundsOf(scene, joint, evidence, mu, sigma);
    if (drawn !== decoder)
      curves.draw("posterior", (z) => Math.exp(joint[Math.round((z - scene.low) / scene.step)] - evidence));
    drawn = decoder;
    curves.draw("q", (z) => Math.exp(logNormal(z, mu, sigma)));
    curves.summit(mu, sigma);
    ledger.draw(gap);
    table.show([elbo, gap, evidence]);
    menu.element.value = chosen();
    [mu, sigma].forEach((v, i) => sliders[i].show(v, `${say(v)}; ELBO ${say(elbo)}, gap ${say(gap)} nats`));
    const exact = Object.entries({ elbo, gap, evidence }).map(([name, v]) => [name, v.toFixed(4)]);
    publish(root, [mu, sigma], { ...Object.fromEntries(exact), decoder });
  });
  const state = bind(model, ["mu", "sigma", "decoder"], () => paint(), { busy: (name) => name !== "decoder" && (dragging() || climb.playing()) });
  const chosen = () => names.indexOf(state.now.decoder);

  function move(next) {
    state.set(Object.fromEntries(Object.entries(next).map(([key, v]) => {
      const i = +(key === "sigma");
      return [key, round(clamp(v, scene.least[i], scene.most[i]))];
    })));
  }

  /** The reader's own moves end the climb. */
  function hand(next) {
    climb.stop();
    move(next);
  }

  menu.offer(names);
  curves.draw("prior", (z) => Math.exp(logNormal(z, 0, 1)));
  state.show();
  return hear(model, {}, climb.stop, state.stop, paint.stop);
}

export default { render };
