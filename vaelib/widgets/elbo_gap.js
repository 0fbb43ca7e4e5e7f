// One latent dimension: drag q; the bound and its gap trade, log p(x) stays.
import { make, mount, publish, round, same, say, teller } from "./was_elements.js";
import { figure } from "./was_drawing.js";

const WIDE = 400, HIGH = 300, TOP = 2;
const SHAPES = {
  posterior: "fill:#D55E0033;stroke:#D55E00;stroke-width:2.5",
  q: "fill:none;stroke:var(--vl-accent);stroke-width:3",
  prior: "fill:none;stroke:var(--vl-soft);stroke-width:1.5;stroke-dasharray:4 5",
};

const logNormal = (z, mu, sigma) =>
  -0.5 * ((z - mu) / sigma) ** 2 - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);

/** The float32 numbers of a binary trait, wherever they begin in its buffer. */
const numbersIn = (view) =>
  new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

/** log p(x): the sum of p(x, z) over the grid, without underflow. */
function evidenceOf({ step }, joint) {
  const top = joint.reduce((a, b) => Math.max(a, b));
  return top + Math.log(joint.reduce((sum, v) => sum + Math.exp(v - top), 0) * step);
}

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
  const pace = (v) => Math.max(-0.05, Math.min(0.05, rate * v));
  return [
    mu + pace(slope([mu + h, sigma], [mu - h, sigma])),
    sigma * Math.exp(pace(slope([mu, sigma * Math.exp(h)], [mu, sigma * Math.exp(-h)]))),
  ];
}

/** The curves: the exact posterior, the prior, and q with a knob on its summit. */
function curvesOf({ low, high }) {
  const across = (z) => ((z - low) / (high - low)) * WIDE;
  const up = (density) => HIGH - 18 - (density / TOP) * (HIGH - 30);
  const paths = Object.fromEntries(
    Object.entries(SHAPES).map(([name, style]) => [name, make("svg:path", { style })]),
  );
  const knob = make("svg:circle", { class: "vl-dot", r: 9 });
  const words = make("svg:g", { class: "vl-words" });
  const lines = make("svg:g", { class: "vl-lines" });
  for (let z = Math.ceil(low); z <= high; z++) {
    lines.append(make("svg:path", { d: `M${across(z)} 0V${up(0)}`, class: z ? "" : "vl-axis" }));
    words.append(make("svg:text", { x: across(z), y: HIGH - 4 }, String(z).replace("-", "−")));
  }
  words.append(make("svg:text", { x: WIDE - 10, y: HIGH - 4, class: "vl-name" }, "z"));
  const svg = make(
    "svg:svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" },
    lines, paths.posterior, paths.prior, paths.q, words, knob,
  );
  const element = make("div", { class: "vl-plane", style: "aspect-ratio:4/3" }, svg);
  const points = Array.from({ length: 351 }, (_, i) => low + ((high - low) * i) / 350);
  return {
    element,
    draw(name, density) {
      const line = points.map((z) => `${across(z).toFixed(1)} ${up(density(z)).toFixed(1)}`);
      paths[name].setAttribute("d", "M" + line.join("L"));
    },
    summit(mu, sigma) {
      knob.setAttribute("cx", across(mu));
      knob.setAttribute("cy", up(Math.exp(logNormal(0, 0, sigma))));
    },
    /** μ and σ of the bell whose summit is under the pointer. */
    bellAt(event) {
      const box = element.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const y = ((event.clientY - box.top) / box.height) * HIGH;
      const density = ((HIGH - 18 - y) / (HIGH - 30)) * TOP;
      const peak = 1 / (Math.max(density, 1e-3) * Math.sqrt(2 * Math.PI));
      return [low + x * (high - low), peak];
    },
  };
}

/** The ledger: a column that ends at log p(x), whatever its two parts are. */
function ledgerOf() {
  const DEEP = 5, deep = (nats) => 40 + (Math.min(nats, DEEP) / DEEP) * (HIGH - 40);
  const gap = make("svg:rect", { x: 130, y: 40, width: 140, style: "fill:#D55E00aa" });
  const elbo = make("svg:rect", { x: 130, width: 140, style: "fill:var(--vl-accent)" });
  const line = make("svg:path", { d: "M60 40H340", style: "stroke:var(--vl-text);stroke-width:2.5" });
  const name = make("svg:text", { x: WIDE / 2, y: 26, class: "vl-name" }, "log p(x)");
  const words = make("svg:g", { class: "vl-words" }, name);
  const scale = make("svg:g", { class: "vl-words" });
  const rungs = make("svg:g", { class: "vl-lines" });
  for (let nats = 1; nats < DEEP; nats++) {
    rungs.append(make("svg:path", { d: `M60 ${deep(nats)}H340` }));
    scale.append(make("svg:text", { x: 366, y: deep(nats) + 4 }, `−${nats}`));
  }
  const svg = make(
    "svg:svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" },
    rungs, gap, elbo, line, words, scale,
  );
  const text = (at, what, height) => {
    const mark = make("svg:text", { x: WIDE / 2, y: at, class: "vl-class" }, what);
    mark.setAttribute("visibility", height > 26 ? "visible" : "hidden");
    return mark;
  };
  return {
    element: make("div", { class: "vl-plane", style: "aspect-ratio:4/3" }, svg),
    draw(loss) {
      const edge = deep(loss);
      gap.setAttribute("height", edge - 40);
      elbo.setAttribute("y", edge);
      elbo.setAttribute("height", HIGH - edge);
      words.replaceChildren(
        name,
        text((40 + edge) / 2 + 6, "gap", edge - 40),
        text((edge + HIGH) / 2 + 6, "ELBO", HIGH - edge),
      );
    },
  };
}

const swatch = (colour) =>
  make("span", {
    style: `display:inline-block;width:1.1em;height:4px;margin:0 5px 3px 10px;background:${colour}`,
    "aria-hidden": "true",
  });

function render({ model, el }) {
  const scene = model.get("_scene");
  const { view, names } = scene;
  const tables = scene.joints.map(numbersIn);
  const evidences = tables.map((joint) => evidenceOf(scene, joint));
  let z = [model.get("mu"), model.get("sigma")];
  let chosen, frame, climbing, dragging = false;

  const curves = curvesOf(view), ledger = ledgerOf();
  const pad = make("div", {
    class: "vl-pad", pointerdown: grab, pointermove: drag, lostpointercapture: release,
  }, curves.element);
  const inputs = ["mean μ", "width σ"].map((name, i) =>
    make("input", {
      type: "range", step: "any", min: scene.least[i], max: scene.most[i],
      "aria-label": name, style: "--from:0%;--to:0%",
      input: (event) => hand(z.map((v, k) => (k === i ? +event.target.value : v))),
      change: () => python.now(),
      keydown: (event) => press(event, i),
    }),
  );
  const numbers = inputs.map(() => make("span", { class: "vl-number" }));
  const sliders = make(
    "div", { class: "vl-sliders", style: "margin-top:8px" },
    ...["μ", "σ"].flatMap((name, i) => [
      make("span", { class: "vl-name", "aria-hidden": "true" }, name), inputs[i], numbers[i],
    ]),
  );
  const menu = make(
    "select", { "aria-label": "Decoder", change: () => choose(+menu.value, true) },
    ...names.map((name, i) => make("option", { value: i }, name)),
  );
  const climb = make("button", { type: "button", click: () => (climbing ? rest() : start()) }, "Climb");
  const rows = [["ELBO", "var(--vl-accent)"], ["gap, KL(q‖p(z|x))", "#D55E00"], ["log p(x)", "var(--vl-text)"]].map(
    ([name, colour]) => {
      const value = make("td", { style: "text-align:right;font-variant-numeric:tabular-nums;padding:1px 0 1px 16px" });
      const head = make("th", { scope: "row", style: "text-align:left;font-weight:normal" }, swatch(colour), name);
      return { value, row: make("tr", {}, head, value) };
    },
  );
  const table = make("table", { style: "margin:8px auto 0;border:0;font-size:14px", "aria-label": "In nats" },
    make("tbody", {}, ...rows.map(({ row }) => row)));
  const left = figure("", pad);
  left.words.append(
    "Drag the summit of q", swatch("var(--vl-accent)"), "q(z)", swatch("#D55E00"), "p(z|x)",
    swatch("var(--vl-soft)"), "p(z)",
  );
  left.element.append(sliders, make("div", { class: "vl-buttons" }, menu, climb));
  const right = figure("", ledger.element);
  right.words.textContent = "The column always ends at log p(x); scale in nats";
  right.element.append(table);
  const root = mount(
    el, "elbo-gap", "The bound and its gap",
    make("div", { class: "vl-row" }, left.element, right.element),
  );
  const python = teller(model, () => true);

  const within = (next) =>
    next.map((v, i) => round(Math.max(scene.least[i], Math.min(scene.most[i], v))));

  function place(next) {
    z = next;
    frame ??= requestAnimationFrame(paint);
  }

  function paint() {
    frame = undefined;
    const [mu, sigma] = z;
    const evidence = evidences[chosen];
    const { elbo, gap } = boundsOf(scene, tables[chosen], evidence, mu, sigma);
    curves.draw("q", (at) => Math.exp(logNormal(at, mu, sigma)));
    curves.summit(mu, sigma);
    ledger.draw(gap);
    [elbo, gap, evidence].forEach((v, i) => (rows[i].value.textContent = `${say(v)} nats`));
    inputs.forEach((input, i) => {
      input.value = z[i];
      input.setAttribute("aria-valuetext", `${say(z[i])}; ELBO ${say(elbo)}, gap ${say(gap)} nats`);
      numbers[i].textContent = say(z[i]);
    });
    Object.assign(root.dataset, {
      elbo: elbo.toFixed(4), gap: gap.toFixed(4), evidence: evidence.toFixed(4),
      decoder: names[chosen],
    });
    publish(root, z);
  }

  function move(next) {
    const there = within(next);
    if (same(there, z)) return;
    place(there);
    python.soon({ mu: there[0], sigma: there[1] });
  }

  /** The reader's own moves end the climb. */
  function hand(next) {
    rest();
    move(next);
  }

  function choose(index, tell) {
    rest();
    chosen = index;
    menu.value = String(index);
    const joint = tables[chosen], evidence = evidences[chosen];
    curves.draw("posterior", (at) =>
      Math.exp(joint[Math.round((at - scene.low) / scene.step)] - evidence));
    if (tell) {
      python.soon({ decoder: names[index] });
      python.now();
    }
    place(z);
  }

  function start() {
    climb.textContent = "Stop";
    let at = z.slice(), left = 200;
    const bound = (mu, sigma) => boundsOf(scene, tables[chosen], 0, mu, sigma);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    climbing = requestAnimationFrame(function step() {
      do at = uphill(bound, ...at); while (--left && still);
      move(at);
      if (left) climbing = requestAnimationFrame(step);
      else rest();
    });
  }

  function rest() {
    if (!climbing) return;
    cancelAnimationFrame(climbing);
    climbing = 0;
    climb.textContent = "Climb";
    python.now();
  }

  function grab(event) {
    if (event.button) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    dragging = true;
    inputs[0].focus({ preventScroll: true });
    drag(event);
  }

  function drag(event) {
    if (dragging) hand(curves.bellAt(event));
  }

  function release() {
    dragging = false;
    python.now();
  }

  function press(event, i) {
    const sign = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (event.key === "Home") hand([0, 1]);
    else if (sign)
      hand(z.map((v, k) => (k === i ? v + sign * (event.shiftKey ? 0.5 : 0.05) : v)));
    else return;
    event.preventDefault();
  }

  function fromPython() {
    const next = [model.get("mu"), model.get("sigma")];
    const index = names.indexOf(model.get("decoder"));
    if (index !== chosen) choose(index);
    if (!dragging && !climbing && !same(next, z)) place(next);
  }

  curves.draw("prior", (at) => Math.exp(logNormal(at, 0, 1)));
  choose(names.indexOf(model.get("decoder")));
  const heard = ["change:mu", "change:sigma", "change:decoder"];
  for (const event of heard) model.on(event, fromPython);
  return () => {
    rest();
    cancelAnimationFrame(frame);
    for (const event of heard) model.off(event, fromPython);
  };
}

export default { render };
