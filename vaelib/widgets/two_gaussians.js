// Two Gaussians, the KL divergence each way, and where its nats come from.
import { make, mount, round, same, say, teller } from "./was_controls.js";

/** A Gaussian is a pair: its mean and its width σ. */
const logDensity = ([mu, sigma], z) =>
  -0.5 * ((z - mu) / sigma) ** 2 - Math.log(sigma * Math.sqrt(2 * Math.PI));

/** KL(a‖b) in nats. Measured from b's mean in units of b's width, b is N(0, 1). */
export function klOf([muA, sigmaA], [muB, sigmaB]) {
  const mu = (muA - muB) / sigmaB, sigma = sigmaA / sigmaB;
  return 0.5 * (mu * mu + sigma * sigma - 1) - Math.log(sigma);
}

/** a(z) · log(a(z) / b(z)): what the place z adds to KL(a‖b). */
export function integrandOf(a, b, z) {
  const log = logDensity(a, z);
  return Math.exp(log) * (log - logDensity(b, z));
}

/** The areas of that integrand above zero and below it, both positive. */
export function areasOf(a, b) {
  const count = 1200, reach = 9, h = (2 * reach * a[1]) / count;
  let plus = 0, minus = 0;
  for (let i = 0; i <= count; i++) {
    const v = h * integrandOf(a, b, a[0] - reach * a[1] + i * h);
    if (v > 0) plus += v;
    else minus -= v;
  }
  return [plus, minus];
}

const WIDE = 440, EDGE = 6, POINTS = 360;
const GRID = Array.from({ length: POINTS + 1 }, (_, i) => -EDGE + (2 * EDGE * i) / POINTS);
const across = (z) => ((z + EDGE) / (2 * EDGE)) * WIDE;
const LIMITS = [[-4, 4], [0.2, 3]], RESET = [0, 1], STEP = 0.05;
const TURNS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/** The first of 0.5, 1, 2, 3, 5, 10, 20, 30, … that is not below v. */
function level(v) {
  const power = 10 ** Math.max(-1, Math.floor(Math.log10(v)));
  return [1, 2, 3, 5, 10].map((f) => f * power).find((top) => top >= Math.max(v, 0.5));
}

const line = (values, y) =>
  "M" + values.map((v, i) => `${across(GRID[i]).toFixed(1)} ${y(v).toFixed(1)}`).join("L");

/** A drawing with a z axis; `below` is the part of its height under zero. */
function chartOf(high, below, ...children) {
  const zero = 8 + (high - 24) * (1 - below), unit = zero - 8;
  const axis = make("svg:g", { class: "vl-lines" });
  const words = make("svg:g", { class: "vl-words" });
  axis.append(make("svg:path", { class: "vl-axis", d: `M0 ${zero}H${WIDE}` }));
  for (const z of [-4, -2, 0, 2, 4]) {
    axis.append(make("svg:path", { d: `M${across(z)} 8V${high - 16}` }));
    words.append(make("svg:text", { x: across(z), y: high - 3 }, String(z).replace("-", "−")));
  }
  const top = make("svg:text", { x: 4, y: 20, style: "text-anchor:start" });
  words.append(top, make("svg:text", { x: WIDE - 8, y: high - 3, class: "vl-name" }, "z"));
  return {
    element: make("svg:svg", { viewBox: `0 0 ${WIDE} ${high}`, class: "vl-chart", "aria-hidden": "true" },
      axis, ...children, words),
    /** Scales so that `most` is at the top; returns value → y. */
    scale(most) {
      top.textContent = String(most);
      return (v) => zero - (v / most) * unit;
    },
  };
}

function render({ model, el }) {
  let state = [...model.get("q"), ...model.get("p")];
  let held = -1, frame, y = null;
  const names = ["mean of q", "width of q", "mean of p", "width of p"];
  const pair = () => [state.slice(0, 2), state.slice(2)];

  // --- the two curves and their four handles
  const curves = ["q", "p"].map((name) => make("svg:path", { class: `vl-bell vl-${name}` }));
  const tags = ["q", "p"].map((name) => make("svg:text", { class: "vl-tag" }, name));
  const handles = names.map((_, k) =>
    make(k < 2 ? "svg:circle" : "svg:rect", {
      class: `vl-handle vl-${k < 2 ? "q" : "p"} ${k % 2 ? "vl-width" : ""}`,
      ...(k < 2 ? { r: 8 } : { width: 15, height: 15 }),
    }));
  const bells = chartOf(230, 0, ...curves, ...tags, ...handles);
  const pad = make(
    "div", { class: "vl-pad", pointerdown: grab, pointermove: drag, lostpointercapture: release },
    bells.element,
  );

  // --- what each place adds
  const hatch = "vl-hatch-" + Math.random().toString(36).slice(2);
  const sums = [["q", "p"], ["p", "q"]].map(([a, b]) => {
    const plus = make("svg:path", { class: `vl-plus vl-${a}` });
    const minus = make("svg:path", { class: "vl-minus", style: `fill:url(#${hatch})` });
    const signs = ["+", "−"].map((sign) => make("svg:text", { class: "vl-tag" }, sign));
    const chart = chartOf(165, 0.3, plus, minus, ...signs);
    const words = make("figcaption");
    const about = make("div", { class: "vl-about" }, `${a}(z) log ${a}(z)/${b}(z), nats per unit of z`);
    return {
      plus, minus, signs, chart, words, name: `KL(${a}‖${b})`,
      element: make("figure", { class: "vl-figure" }, words, chart.element, about),
    };
  });
  const pattern = make(
    "svg:pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    make("svg:path", { d: "M0 0V6", class: "vl-stripe" }),
  );
  sums[0].chart.element.prepend(make("svg:defs", {}, pattern));

  // --- the sliders
  const rows = names.map((name, k) => {
    const [min, max] = LIMITS[k % 2];
    const input = make("input", {
      type: "range", step: "any", min, max, "aria-label": name, style: "--from:0%;--to:0%",
      input: () => change(k, +input.value), keydown: (event) => press(event, k),
    });
    return { input, number: make("span", { class: "vl-number" }) };
  });
  const list = make(
    "div", { class: "vl-sliders", change: () => python.now() },
    ...rows.flatMap(({ input, number }, k) =>
      [make("span", { "aria-hidden": "true" }, names[k]), input, number]),
  );

  const root = mount(
    el, "two-gaussians", "Two Gaussians q and p, and the KL divergence between them",
    make(
      "div", { class: "vl-row vl-two" },
      make("div", { class: "vl-side" },
        make("figure", { class: "vl-figure" },
          make("figcaption", {}, "Drag a top to move it, a hollow mark to widen it"), pad),
        list),
      make("div", { class: "vl-side" }, ...sums.map((sum) => sum.element)),
    ),
  );
  const python = teller(model, () => true);

  function paint() {
    frame = undefined;
    const [q, p] = pair();
    const bell = [q, p].map((g) => GRID.map((z) => Math.exp(logDensity(g, z))));
    y = bells.scale(level(Math.max(...bell.flat())));
    [q, p].forEach((g, i) => {
      const peak = Math.exp(logDensity(g, g[0])), side = peak * Math.exp(-0.5);
      curves[i].setAttribute("d", line(bell[i], y));
      at(tags[i], across(g[0]) + (i ? 19 : -19), y(peak) + 4);
      at(handles[2 * i], across(g[0]), y(peak));
      at(handles[2 * i + 1], across(g[0] + g[1]), y(side));
    });
    const both = [[q, p], [p, q]];
    const curve = both.map(([a, b]) => GRID.map((z) => integrandOf(a, b, z)));
    const all = curve.flat();
    const most = level(Math.max(...all, -Math.min(...all) / 0.43));
    const kl = both.map(([a, b]) => klOf(a, b));
    both.forEach(([a, b], i) => show(sums[i], curve[i], most, kl[i], areasOf(a, b)));
    rows.forEach(({ input, number }, k) => {
      input.value = state[k];
      number.textContent = say(state[k]);
      const heard = sums.map((sum, i) => `${sum.name} ${say(kl[i])} nats`);
      input.setAttribute("aria-valuetext", [say(state[k]), ...heard].join(", "));
    });
    root.dataset.z = state.map((v) => round(v).toFixed(3)).join(",");
    root.dataset.kl = kl.map((v) => v.toFixed(4)).join(",");
    root.dataset.frame = String(+root.dataset.frame + 1);
  }

  function show({ plus, minus, signs, chart, words, name }, values, most, kl, areas) {
    const h = chart.scale(most);
    const closed = (keep) => line(values.map((v) => (keep * v > 0 ? v : 0)), h) + "Z";
    plus.setAttribute("d", closed(1));
    minus.setAttribute("d", closed(-1));
    [Math.max, Math.min].forEach((extreme, i) => {
      const v = extreme(...values), z = GRID[values.indexOf(v)];
      at(signs[i], across(z), i ? h(v) + 15 : h(v / 2) + 6);
      signs[i].setAttribute("visibility", areas[i] > 0.02 && Math.abs(v) > most / 12 ? "visible" : "hidden");
    });
    words.textContent = `${name} = ${say(kl)} nats = ${say(areas[0])} − ${say(areas[1])}`;
  }

  function at(element, px, py) {
    const [x, y] = { circle: ["cx", "cy"] }[element.tagName] ?? ["x", "y"];
    const half = element.tagName === "rect" ? 7.5 : 0;
    element.setAttribute(x, px - half);
    element.setAttribute(y, py - half);
  }

  function place(next) {
    state = next;
    frame ??= requestAnimationFrame(paint);
  }

  function change(k, value) {
    const [low, high] = LIMITS[k % 2];
    const kept = Math.max(low, Math.min(high, Math.round(value * 100) / 100 + 0));
    const next = state.map((v, i) => (i === k ? kept : v));
    if (same(next, state)) return;
    place(next);
    const [q, p] = pair();
    python.soon({ q, p });
  }

  function press(event, k) {
    const by = (TURNS[event.key] ?? 0) * STEP * (event.shiftKey ? 10 : 1);
    if (event.key === "Home") change(k, RESET[k % 2]);
    else if (by) change(k, state[k] + by);
    else return;
    event.preventDefault();
    python.now();
  }

  /** The pointer in the drawing's own units. */
  function spot(event) {
    const box = bells.element.getBoundingClientRect();
    const unit = WIDE / box.width;
    return [(event.clientX - box.left) * unit, (event.clientY - box.top) * unit];
  }

  function grab(event) {
    if (event.button || !y) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    const [px, py] = spot(event);
    const away = pair().flatMap((g) => [0, 1].map((k) => {
      const z = g[0] + k * g[1];
      return Math.hypot(across(z) - px, y(Math.exp(logDensity(g, z))) - py);
    }));
    held = away.indexOf(Math.min(...away));
    rows[held].input.focus({ preventScroll: true });
  }

  function drag(event) {
    if (held < 0) return;
    const z = (spot(event)[0] / WIDE) * 2 * EDGE - EDGE;
    change(held, held % 2 ? Math.abs(z - state[held - 1]) : z);
  }

  function release() {
    held = -1;
    python.now();
  }

  function fromPython() {
    const next = [...model.get("q"), ...model.get("p")];
    if (held < 0 && !same(next, state)) place(next);
  }

  place(state);
  model.on("change:q", fromPython);
  model.on("change:p", fromPython);
  return () => {
    cancelAnimationFrame(frame);
    model.off("change:q", fromPython);
    model.off("change:p", fromPython);
  };
}

export default { render };
