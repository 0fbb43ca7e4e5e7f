// A mixture of Gaussians fitted to numbers while the reader adds components; who
// is responsible for the place under the pointer.
import { make, mount, round, same, say, teller } from "./was_elements.js";

const WIDE = 480, HIGH = 250, FOOT = 24;

/** The float32 numbers of a trait, wherever they begin in their buffer. */
const numbersOf = ({ buffer, byteOffset, byteLength }) =>
  new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));

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
  mixture.map(({ pi, mu, sigma }) =>
    Math.log(pi) - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI) - 0.5 * ((x - mu) / sigma) ** 2);

export function logSumExp(values) {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}

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

function render({ model, el }) {
  const { most, steps, floor, low, high, step, ticks, bars, top, label, colours } = model.get("_plan");
  const xs = numbersOf(model.get("_x")).sort(), others = numbersOf(model.get("_held_out"));
  let size = model.get("components"), at = model.get("at");
  let mixture, done = 0, frame, stale = true;

  const across = (x) => ((x - low) / (high - low)) * WIDE;
  const up = (p) => HIGH - (p / top) * (HIGH - 12);
  const places = Array.from({ length: 241 }, (_, i) => low + (i / 240) * (high - low));
  const colour = (m) => colours[m % colours.length];

  const parts = make("svg:g", { class: "vl-parts" });
  const total = make("svg:path", { class: "vl-total" });
  const hair = make("svg:path", { class: "vl-hair" });
  const dot = make("svg:circle", { class: "vl-dot", r: 6 });
  const names = make("svg:g", { class: "vl-words" }), tags = make("svg:g", { class: "vl-words" });
  for (const t of ticks)
    names.append(make("svg:text", { x: across(t), y: HIGH + 18 }, String(t).replace("-", "−")));
  const width = WIDE / bars.length;
  const plot = make(
    "svg:svg",
    {
      viewBox: `0 0 ${WIDE} ${HIGH + FOOT}`, class: "vl-density", role: "img",
      "aria-label": "Histogram of the data, the fitted density, and its components",
      pointermove: point, pointerdown: grab, pointerleave: () => python.now(),
      lostpointercapture: () => python.now(),
    },
    make("svg:g", { class: "vl-bars" }, ...bars.map((p, i) =>
      make("svg:rect", { x: i * width, y: up(p), width: width - 1, height: HIGH - up(p) }))),
    make("svg:path", { class: "vl-base", d: `M0 ${HIGH}H${WIDE}` }),
    parts, total, tags, hair, dot, names,
  );
  const shares = make("div", { class: "vl-shares", "aria-hidden": "true" });
  const score = make("p", { class: "vl-says", role: "status" });
  const words = make("p", { class: "vl-says" });
  const slider = (name, attributes) => make("input", {
    type: "range", "aria-label": name, style: "--from:0%;--to:0%", change: () => python.now(), ...attributes,
  });
  const count = slider("Number of components", {
    min: 1, max: most, step: 1, input: () => choose(+count.value),
  });
  const spot = slider(label, {
    min: low, max: high, step: "any", input: () => look(+spot.value), keydown: press,
  });
  const counted = make("span", { class: "vl-number" }), spotted = make("span", { class: "vl-number" });
  const button = (text, name, by) => make(
    "button", { type: "button", "aria-label": name, click: () => { choose(size + by); python.now(); } }, text,
  );
  const root = mount(
    el, "mixture-fit", "Mixture fit",
    make("div", { class: "vl-mixture" },
      plot,
      make("div", { class: "vl-caption" }, label),
      shares, words,
      make("div", { class: "vl-sliders" },
        make("span", { class: "vl-name", "aria-hidden": "true" }, "M"), count, counted,
        make("span", { class: "vl-name", "aria-hidden": "true" }, "x"), spot, spotted),
      make("div", { class: "vl-buttons" },
        button("− component", "Remove a component", -1),
        button("+ component", "Add a component", 1)),
      score),
  );
  const python = teller(model, () => true);
  const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;

  /** Starts the fit with so many components; it goes on frame by frame. */
  function choose(next) {
    next = Math.max(1, Math.min(most, Math.round(next)));
    if (next !== size) python.soon({ components: next });
    size = next;
    count.value = size;
    count.setAttribute("aria-valuetext", `${size} component${size > 1 ? "s" : ""}`);
    counted.textContent = String(size);
    mixture = startMixture(xs, size);
    done = 0;
    stale = true;
    ask();
  }

  function look(x) {
    const next = round(Math.max(low, Math.min(high, x)));
    if (next !== at) python.soon({ at: next });
    at = next;
    ask();
  }

  function ask() {
    frame ??= requestAnimationFrame(go);
  }

  function go() {
    frame = undefined;
    // Slowly at first, where most of the movement is.
    const until = still ? steps : Math.min(steps, done + 1 + Math.floor(done / 6));
    if (done < steps) stale = true;
    while (done < until) {
      mixture = stepMixture(mixture, xs, floor);
      done++;
    }
    paint();
    if (done < steps) ask();
  }

  function paint() {
    if (stale) drawCurves();
    stale = false;
    const r = responsible(mixture, at);
    const x = across(at), y = up(Math.exp(logSumExp(jointOf(mixture, at))));
    hair.setAttribute("d", `M${x} 0V${HIGH}`);
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    shares.replaceChildren(...r.map((v, m) =>
      make("span", { style: `flex-grow:${v};background:${colour(m)}` })));
    const best = r.indexOf(Math.max(...r));
    const said = `p(m | x) at x = ${say(at)}: component ${best + 1} has ${say(r[best])}`;
    const rest = r.map((v, m) => (m !== best && v > 0.005 ? `${m + 1} has ${say(v)}` : "")).filter(Boolean);
    words.textContent = [said, ...rest].join(", ");
    spot.value = at;
    spot.setAttribute("aria-valuetext", words.textContent);
    spotted.textContent = say(at);
    root.dataset.z = `${size},${at.toFixed(3)}`;
    root.dataset.r = r.map((v) => v.toFixed(4)).join(",");
    root.dataset.steps = String(done);
    root.dataset.frame = String(+root.dataset.frame + 1);
  }

  function drawCurves() {
    const curve = (density) =>
      places.map((x, i) => `${i ? "L" : "M"}${across(x).toFixed(1)} ${up(density(x)).toFixed(1)}`).join("");
    parts.replaceChildren(...mixture.map((one, m) => make("svg:path", {
      d: curve((x) => Math.exp(jointOf([one], x)[0])), style: `stroke:${colour(m)};fill:${colour(m)}`,
    })));
    tags.replaceChildren(...mixture.map(({ pi, mu, sigma }, m) => {
      const peak = up(pi / (sigma * Math.sqrt(2 * Math.PI)));
      return make("svg:text", { x: across(mu), y: Math.max(14, peak + 16) }, String(m + 1));
    }));
    total.setAttribute("d", curve((x) => Math.exp(logSumExp(jointOf(mixture, x)))));
    const own = scoreOf(mixture, xs), theirs = others.length ? scoreOf(mixture, others) : NaN;
    const nats = (v) => v.toFixed(3).replace("-", "−");
    // Only at rest: nobody wants thirty numbers read aloud.
    if (done === steps)
      score.textContent = `log p(x), mean: ${nats(own)} nats on these ${xs.length}`
        + (others.length ? `, ${nats(theirs)} on ${others.length} others` : "");
    root.dataset.fit = [own, theirs].map((v) => v.toFixed(5)).join(",");
    root.dataset.mixture = mixture.map(({ pi, mu, sigma }) =>
      [pi, mu, sigma].map((v) => v.toFixed(5)).join(" ")).join(",");
  }

  /** A drag goes on when it leaves the plot. */
  function grab(event) {
    plot.setPointerCapture(event.pointerId);
    point(event);
  }

  function point(event) {
    const box = plot.getBoundingClientRect();
    look(low + ((event.clientX - box.left) / box.width) * (high - low));
  }

  function press(event) {
    const signs = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    const by = (signs[event.key] ?? 0) * step * (event.shiftKey ? 10 : 1);
    if (!by) return;
    look(at + by);
    event.preventDefault();
  }

  function fromPython() {
    if (model.get("components") !== size) choose(model.get("components"));
    if (!same([model.get("at")], [at])) look(model.get("at"));
  }

  choose(size);
  model.on("change:components", fromPython);
  model.on("change:at", fromPython);
  return () => {
    cancelAnimationFrame(frame);
    model.off("change:components", fromPython);
    model.off("change:at", fromPython);
  };
}

export default { render };
