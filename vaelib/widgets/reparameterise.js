// Draws with their noise held still: move μ and σ, and compare two gradients.
import { make, mount, publish, round, say, teller } from "./was_elements.js";
import { figure } from "./was_drawing.js";

const W = 400, H = 300, REACH = 3;
const ROOT_TAU = Math.sqrt(2 * Math.PI);
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
    exact: (mu, sigma) => Math.exp(-((mu / sigma) ** 2) / 2) / (sigma * ROOT_TAU),
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
export function niceLimit(v) {
  const power = 10 ** Math.floor(Math.log10(Math.max(v, 0.1)));
  return [1, 2, 5, 10].map((k) => k * power).find((k) => k >= v * 0.999);
}

const HEAD = "fill:var(--vl-text);font-size:14px";
const stroked = (colour, width) => `fill:none;stroke:${colour};stroke-width:${width}`;
const LIMITS = { mu: [-REACH, REACH], sigma: [0.02, 2] };
const SIGNS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
const within = (v, [low, high]) => Math.max(low, Math.min(high, v));
const across = (z) => ((z + REACH) / (2 * REACH)) * W;
const minus = (v) => String(v).replace("-", "−");
const two = (v) => minus(+v.toPrecision(2));
const line = (points) => "M" + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
const GRID = Array.from({ length: 601 }, (_, i) => -REACH + (i * 2 * REACH) / 600);
const BELL = 222, BELL_HEIGHT = 78;

function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}

/** A drawing surface; what is in it is told by `label`. */
const surface = (label, ...children) =>
  make("svg:svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label }, ...children);

function render({ model, el }) {
  const names = ["mu", "sigma", "f", "baseline", "eps"];
  const now = {};
  let frame, held = "", dots = [];
  const take = () => names.forEach((name) => { now[name] = model.get(name); });

  const curve = make("svg:path", { style: stroked("var(--vl-soft)", 1.5) });
  const bell = make("svg:path", { class: "vl-ellipse" });
  const cloud = make("svg:g");
  const ticks = make("svg:g", { class: "vl-words" });
  const knobs = ["mu", "sigma"].map((name) => make("svg:circle", { class: "vl-dot", r: 8 }));
  const name = make("svg:text", { x: 8, y: 16, style: HEAD });
  const left = surface(
    "The function, the density of z, and the draws",
    make("svg:g", { class: "vl-lines" }, make("svg:path", { d: `M0 ${BELL}H${W}`, class: "vl-axis" })),
    curve, bell, cloud, ticks, name, ...knobs,
  );
  for (let t = -REACH; t <= REACH; t++)
    ticks.append(make("svg:text", { x: within(across(t), [10, W - 10]), y: H - 4 }, minus(t)));
  ticks.append(make("svg:text", { x: W - 12, y: BELL - 6, class: "vl-name" }, "z"));
  const pad = make("div", {
    class: "vl-pad", pointerdown: grab, pointermove: drag, lostpointercapture: release,
  }, left);

  const strips = make("svg:g");
  const scale = make("svg:g", { class: "vl-words" });
  const truth = make("svg:path", { style: stroked("var(--vl-text)", 1.5) + ";stroke-dasharray:5 4" });
  const means = [0, 1].map(() => make("svg:path", { style: stroked("var(--vl-text)", 3.5) }));
  const heads = ["pathwise: f ′(z)", "score function: f(z) · ε / σ"].map((text, row) =>
    make("svg:text", { x: 8, y: 16 + 130 * row, style: HEAD }, text));
  const right = surface(
    "The two estimates of the gradient, a point for each draw",
    make("svg:g", { class: "vl-lines" }, make("svg:path", { d: `M0 130H${W}M0 262H${W}`, class: "vl-axis" })),
    strips, truth, ...means, scale, ...heads,
  );

  const sliders = ["mu", "sigma"].map((key) => {
    const [low, high] = LIMITS[key].map(key === "mu" ? Number : Math.log);
    const label = key === "mu" ? "μ" : "σ";
    const input = make("input", {
      type: "range", step: "any", min: low, max: high, "aria-label": label, style: "--from:0%;--to:0%",
      input: () => move({ [key]: key === "mu" ? +input.value : Math.exp(+input.value) }),
      keydown: (event) => press(event, key),
    });
    const number = make("span", { class: "vl-number" });
    return { key, label, input, number };
  });
  const choice = make(
    "select", { "aria-label": "The function f", change: () => move({ f: choice.value }) },
    ...Object.keys(FUNCTIONS).map((key) => make("option", { value: key }, FUNCTIONS[key].name)),
  );
  const box = make("input", { type: "checkbox", change: () => move({ baseline: box.checked }) });
  const report = make("p", { class: "vl-note" });
  const leftFigure = figure("Drag the top of the bell to move μ, its shoulder to change σ", pad);
  const rightFigure = figure("", right);
  const root = mount(
    el, "reparameterise", "Reparameterise",
    make("div", { class: "vl-row" }, leftFigure.element, rightFigure.element),
    make(
      "div", { class: "vl-panel" },
      make(
        "div", { class: "vl-sliders", change: () => python.now() },
        ...sliders.flatMap(({ label, input, number }) => [
          make("span", { class: "vl-name", "aria-hidden": "true" }, label), input, number,
        ]),
      ),
      make(
        "div", { class: "vl-buttons" }, choice,
        make("button", { type: "button", click: () => move({ eps: now.eps.map(normal) }) }, "New noise ε"),
        make("label", { class: "vl-seen" }, box, "subtract a baseline"),
      ),
    ),
    report,
  );
  const python = teller(model, () => true);

  /** As many circles as draws; their colour is the sign of ε. */
  function furnish() {
    cloud.replaceChildren();
    strips.replaceChildren();
    dots = now.eps.map((e, i) => {
      const style = `fill:${e > 0 ? "#d55e00" : "var(--vl-accent)"};fill-opacity:.65`;
      const [z, ...rows] = [0, 1, 2].map(() => make("svg:circle", { style, r: 3 }));
      cloud.append(z);
      strips.append(...rows);
      // A height of its own for each draw, the same in all three rows.
      const height = (i * 0.618034) % 1;
      z.setAttribute("cy", 232 + 42 * height);
      rows.forEach((dot, row) => dot.setAttribute("cy", 30 + 130 * row + 88 * height));
      return [z, ...rows];
    });
  }

  function paint() {
    frame = undefined;
    const { mu, sigma, f, baseline, eps } = now;
    if (dots.length !== eps.length || dots.eps !== eps) furnish();
    dots.eps = eps;
    const { f: value, low, high, name: title } = FUNCTIONS[f];
    const found = estimates(f, eps, mu, sigma, baseline);
    curve.setAttribute("d", line(GRID.map((z) => [across(z), 126 - (98 * (value(z) - low)) / (high - low)])));
    name.textContent = title;
    const height = (z) => BELL - BELL_HEIGHT * Math.exp(-(((z - mu) / sigma) ** 2) / 2);
    const steps = Array.from({ length: 81 }, (_, i) => mu + sigma * (i / 10 - 4));
    bell.setAttribute("d", line(steps.map((z) => [across(z), height(z)])));
    const points = [mu, mu + sigma];
    knobs.forEach((knob, i) => {
      knob.setAttribute("cx", within(across(points[i]), [0, W]));
      knob.setAttribute("cy", height(points[i]));
    });
    compare(found);
    sliders.forEach(({ key, label, input, number }) => {
      input.value = key === "mu" ? mu : Math.log(sigma);
      input.setAttribute("aria-valuetext", `${label} ${say(now[key])}`);
      number.textContent = say(now[key]);
    });
    choice.value = f;
    box.checked = baseline;
    publish(root, [mu, sigma]);
  }

  function compare({ z, pathwise, score, exact }) {
    const both = [pathwise, score];
    const limit = niceLimit(both.flat().reduce((a, v) => Math.max(a, Math.abs(v)), Math.abs(exact)));
    const at = (v) => W / 2 + (v / limit) * (W / 2 - 14);
    dots.forEach(([dot, ...rows], i) => {
      dot.setAttribute("cx", across(z[i]));
      rows.forEach((row, k) => row.setAttribute("cx", at(both[k][i])));
    });
    scale.replaceChildren(...[-1, -0.5, 0, 0.5, 1].map((part) =>
      make("svg:text", { x: within(at(part * limit), [16, W - 16]), y: H - 16 }, minus(round(part * limit)))));
    truth.setAttribute("d", `M${at(exact)} 22V262`);
    const [path, scores] = both.map(meanAndSpread);
    [path, scores].forEach(([mean], row) => {
      means[row].setAttribute("d", `M${at(mean)} ${26 + 130 * row}v98`);
    });
    rightFigure.words.textContent = `Gradient along μ. Thick: means. Dashed: exact, ${say(exact)}`;
    const ratio = (scores[1] / path[1]) ** 2;
    const compared = !Number.isFinite(ratio) ? "all pathwise estimates are the same"
      : ratio >= 1 ? `the score function's variance is ${two(ratio)} times the pathwise`
        : `the pathwise variance is ${two(1 / ratio)} times the score function's`;
    report.textContent =
      `Mean and spread: pathwise ${say(path[0])} ± ${say(path[1])}, ` +
      `score function ${say(scores[0])} ± ${say(scores[1])}; ${compared}.`;
    const text = (pair) => pair.map((v) => v.toFixed(6)).join(",");
    Object.assign(root.dataset, { pathwise: text(path), score: text(scores), exact: exact.toFixed(6) });
  }

  const soon = () => { frame ??= requestAnimationFrame(paint); };

  function move(changes) {
    if ("mu" in changes) changes.mu = round(within(changes.mu, LIMITS.mu));
    if ("sigma" in changes) changes.sigma = round(within(changes.sigma, LIMITS.sigma));
    Object.assign(now, changes);
    soon();
    python.soon(changes);
  }

  function under(event) {
    const area = left.getBoundingClientRect();
    return ((event.clientX - area.left) / area.width) * 2 * REACH - REACH;
  }

  /** The nearer knob follows the pointer. */
  function grab(event) {
    if (event.button) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    const far = knobs.map((knob) => {
      const area = knob.getBoundingClientRect();
      const middle = [area.left + area.width / 2, area.top + area.height / 2];
      return Math.hypot(event.clientX - middle[0], event.clientY - middle[1]);
    });
    held = far[1] < far[0] ? "sigma" : "mu";
    sliders[held === "mu" ? 0 : 1].input.focus({ preventScroll: true });
    drag(event);
  }

  function drag(event) {
    if (held === "mu") move({ mu: under(event) });
    if (held === "sigma") move({ sigma: Math.abs(under(event) - now.mu) });
  }

  function release() {
    held = "";
    python.now();
  }

  function press(event, key) {
    const by = (SIGNS[event.key] ?? 0) * (event.shiftKey ? 10 : 1);
    if (event.key === "Home") move({ [key]: key === "mu" ? 0 : 1 });
    else if (by) move({ [key]: key === "mu" ? now.mu + 0.02 * by : now.sigma * 1.03 ** by });
    else return;
    event.preventDefault();
  }

  function fromPython() {
    if (held) return;
    take();
    soon();
  }

  take();
  paint();
  for (const trait of names) model.on("change:" + trait, fromPython);
  return () => {
    cancelAnimationFrame(frame);
    for (const trait of names) model.off("change:" + trait, fromPython);
  };
}

export default { render };
