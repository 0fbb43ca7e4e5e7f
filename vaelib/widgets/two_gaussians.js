// Two Gaussians, the KL divergence each way, and where its nats come from.
import { bind, hear, perFrame } from "./bind.js";
import { chartOf } from "./chart.js";
import { box, figure, make, mount, publish, put } from "./elements.js";
import { draggable, placeIn } from "./hand.js";
import { gridOf, logNormal, roundUp } from "./maths.js";
import { clamp, say } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

/** A Gaussian is a pair: its mean and its width σ. KL(a‖b) in nats, as seen from b: N(0, 1). */
export function klOf([muA, sigmaA], [muB, sigmaB]) {
  const mu = (muA - muB) / sigmaB, sigma = sigmaA / sigmaB;
  return 0.5 * (mu * mu + sigma * sigma - 1) - Math.log(sigma);
}

/** a(z) · log(a(z) / b(z)): what the place z adds to KL(a‖b). */
export function integrandOf(a, b, z) {
  const log = logNormal(z, a[0], a[1]);
  return Math.exp(log) * (log - logNormal(z, b[0], b[1]));
}

/** The areas of that integrand above zero and below it, both positive. */
export function areasOf(a, b) {
  const count = 1200, low = a[0] - 9 * a[1], h = (18 * a[1]) / count;
  let plus = 0, minus = 0;
  for (let i = 0; i <= count; i++) {
    const v = h * integrandOf(a, b, low + i * h);
    if (v > 0) plus += v;
    else minus -= v;
  }
  return [plus, minus];
}

const EDGE = 6;
const GRID = gridOf(-EDGE, EDGE, 360);
const NAMES = ["mean of q", "width of q", "mean of p", "width of p"];
const LIMITS = [[-4, 4], [0.2, 3]];

/** The first of 0.5, 1, 2, 3, 5, 10, 20, 30, … that is not below v. */
const level = (v) => (v > 0.5 ? roundUp(v, [1, 2, 3, 5, 10]) : 0.5);

const tagOf = (text = "") => make("svg:text", { class: "vl-tag" }, text);

/** A drawing over z. */
const drawingOf = (high) => chartOf({
  size: [440, high], x: [-EDGE, EDGE], y: [0, 1], ticks: [[-4, -2, 0, 2, 4], []], titles: ["z"], edge: [8, 0, 20, 0],
});

/** Both curves, each with a handle on its top and one at its width. */
function bellsOf() {
  const chart = drawingOf(230);
  const sides = ["q", "p"].map((name, i) => {
    const curve = chart.add("path", { class: `vl-bell vl-${name}` }), tag = tagOf(name);
    const handles = ["", "vl-width"].map((kind) => make(i ? "svg:rect" : "svg:circle", {
      class: `vl-handle vl-${name} ${kind}`, ...(i ? { width: 15, height: 15 } : { r: 8 }),
    }));
    chart.front.append(tag, ...handles);
    return { curve, tag, handles };
  });
  let places = [];
  return {
    chart,
    show(pair) {
      const bells = pair.map((g) => GRID.map((z) => [z, Math.exp(logNormal(z, ...g))]));
      const most = level(Math.max(...bells.flat().map(([, v]) => v)));
      chart.scale({ y: [0, most], ticks: [[-4, -2, 0, 2, 4], [most / 2, most]] });
      places = pair.flatMap(([mu, sigma]) => [0, 1].map((k) =>
        [chart.across(mu + k * sigma), chart.up(Math.exp(logNormal(k * sigma, 0, sigma)))]));
      sides.forEach(({ curve, tag, handles }, i) => {
        put(curve, { d: chart.path(bells[i]) });
        const [top, side] = places.slice(2 * i);
        put(tag, { x: top[0] + (i ? 19 : -19), y: top[1] + 4 });
        [top, side].forEach(([x, y], k) =>
          put(handles[k], i ? { x: x - 7.5, y: y - 7.5 } : { cx: x, cy: y }));
      });
    },
    /** The number of the handle that is nearest to the pointer. */
    nearest(event) {
      const [x, y] = placeIn(chart.element, event);
      const away = places.map((place) => Math.hypot(place[0] - x * 440, place[1] - y * 230));
      return away.indexOf(Math.min(...away));
    },
  };
}

/** What each place adds to KL(a‖b): filled where it adds, hatched where it takes away. */
function sumOf(a, b) {
  const chart = drawingOf(165), hatch = "vl-hatch-" + a;
  chart.element.prepend(make("svg:defs", {}, make(
    "svg:pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    make("svg:path", { d: "M0 0V6", class: "vl-stripe" }),
  )));
  const parts = [
    chart.add("path", { class: `vl-plus vl-${a}` }),
    chart.add("path", { class: "vl-minus", style: `fill:url(#${hatch})` }),
  ];
  const signs = ["+", "−"].map(tagOf);
  chart.front.append(...signs);
  const words = make("figcaption"), name = `KL(${a}‖${b})`;
  return {
    name,
    element: make("figure", { class: "vl-figure" }, words, chart.element,
      box("about", `${a}(z) log ${a}(z)/${b}(z), nats per unit of z`)),
    show(values, most, kl, areas) {
      chart.scale({ y: [-0.43 * most, most], ticks: [[-4, -2, 0, 2, 4], [most / 2, most]] });
      [1, -1].forEach((sign, i) => {
        put(parts[i], { d: chart.path(values.map((v, k) => [GRID[k], sign * v > 0 ? v : 0])) + "Z" });
        const v = sign * Math.max(...values.map((value) => sign * value));
        const shown = areas[i] > 0.02 && Math.abs(v) > most / 12;
        put(signs[i], {
          x: chart.across(GRID[values.indexOf(v)]), y: i ? chart.up(v) + 15 : chart.up(v / 2) + 6,
          visibility: shown ? "visible" : "hidden",
        });
      });
      words.textContent = `${name} = ${say(kl)} nats = ${say(areas[0])} − ${say(areas[1])}`;
    },
  };
}

function render({ model, el }) {
  let held = 0;
  const bells = bellsOf(), sums = [sumOf("q", "p"), sumOf("p", "q")];
  const pad = box("pad", bells.chart.element);
  const sliders = NAMES.map((name, k) => sliderOf(name,
    { low: LIMITS[k % 2][0], high: LIMITS[k % 2][1], step: 0.05, home: k % 2 }, (v) => change(k, v), () => state.rest()));
  const dragging = draggable(pad, {
    // A press alone moves nothing: it may be beside the handle.
    grab(event) {
      held = bells.nearest(event);
      sliders[held].input.focus({ preventScroll: true });
      return false;
    },
    drag(event) {
      const [z] = bells.chart.at(event);
      change(held, held % 2 ? Math.abs(z - pair().flat()[held - 1]) : z);
    },
    rested: () => state.rest(),
  });
  const root = mount(
    el, "two-gaussians", "Two Gaussians q and p, and the KL divergence between them",
    box("row vl-two",
      box("side",
        make("figure", { class: "vl-figure" },
          make("figcaption", {}, "Drag a top to move it, a hollow mark to widen it"), pad),
        slidersOf(...sliders)),
      box("side", ...sums.map((sum) => sum.element))),
  );
  const paint = perFrame(() => {
    bells.show(pair());
    const both = [pair(), pair().reverse()];
    const curves = both.map(([a, b]) => GRID.map((z) => integrandOf(a, b, z)));
    const most = level(Math.max(...curves.flat().map((v) => (v < 0 ? -v / 0.43 : v))));
    const kl = both.map(([a, b]) => klOf(a, b));
    sums.forEach((sum, i) => sum.show(curves[i], most, kl[i], areasOf(...both[i])));
    const heard = sums.map((sum, i) => `${sum.name} ${say(kl[i])} nats`);
    sliders.forEach((slider, k) => {
      const v = pair().flat()[k];
      slider.show(v, [say(v), ...heard].join(", "));
    });
    publish(root, pair().flat(), { kl: kl.map((v) => v.toFixed(4)).join(",") });
  });
  const state = bind(model, ["q", "p"], () => paint(), { busy: dragging });
  const pair = () => [state.now.q, state.now.p];

  function change(k, value) {
    const kept = clamp(Math.round(value * 100) / 100 + 0, ...LIMITS[k % 2]), name = k < 2 ? "q" : "p";
    state.set({ [name]: state.now[name].with(k % 2, kept) });
  }

  state.show();
  return hear(model, {}, state.stop, paint.stop);
}

export default { render };
