// A model in training, watched through pictures that the kernel sends; or the
// recording of one, which needs no kernel.
import { hear, perFrame, teller } from "./bind.js";
import { bytes, floats } from "./bytes.js";
import { chartOf } from "./chart.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, mount, noteOf, put } from "./elements.js";
import { clamp, minus } from "./numbers.js";
import { planeOf } from "./plane.js";
import { playerOf } from "./player.js";
import { sliderOf, slidersOf } from "./slider.js";

const PER_SECOND = 10;

/** Frame `i` of a recording, or the one frame of a run. */
export function frameAt(abouts, codes, pixels, curve, i) {
  const part = (view) => {
    const size = view.byteLength / abouts.length;
    return view.buffer.slice(view.byteOffset + i * size, view.byteOffset + (i + 1) * size);
  };
  const rows = rowsOf(curve).filter((row) => row[0] <= abouts[i].step);
  return {
    about: abouts[i], codes: new Uint16Array(part(codes)), pixels: new Uint8Array(part(pixels)), rows,
  };
}

/** The curves' rows: step, reconstruction, KL, beta. */
export function rowsOf(curve) {
  const all = floats(curve);
  return Array.from({ length: all.length / 4 }, (_, i) => all.subarray(4 * i, 4 * i + 4));
}

/** Limits of a curve's axis: the first steep part may leave it. */
export function limitsOf(values) {
  const later = values.slice(Math.floor(values.length / 10));
  const low = Math.min(...later), high = Math.max(...later);
  const room = Math.max(0.08 * (high - low), 0.01 * Math.abs(high), 0.05);
  return [low < 0 ? low - room : Math.max(0, low - room), high + room];
}

const count = (step) => step.toLocaleString("en-US");

/** 1,200 or 0.04 or −98.3, for people. */
export function sayNumber(v) {
  if (v === null || v === undefined) return "–";
  const size = Math.abs(v);
  const text = size >= 1000 ? Math.round(v).toLocaleString("en-US")
    : size >= 10 ? v.toFixed(1) : size >= 1 ? v.toFixed(2)
    : size >= 1e-3 || !size ? String(+v.toPrecision(2)) : v.toExponential(1);
  return minus(text);
}

/** A term's curve over the steps, and upright lines where β was changed. */
function curveOf(name, column, label) {
  const chart = chartOf({
    size: [300, 124], x: [0, 1], y: [0, 1], edge: [10, 12, 20, 44], label,
    said: (t, ofY) => (ofY ? sayNumber(t) : count(t)),
  });
  const turns = chart.add("path", { class: "vl-turns" }), line = chart.add("path", { class: "vl-curve" });
  const words = make("figcaption");
  return {
    element: figure(words, chart.element),
    show(about, rows) {
      const value = about[name] === null ? "no step taken yet" : `${sayNumber(about[name])} nats`;
      const some = rows.length > 1, y = some ? limitsOf(rows.map((row) => row[column])) : [0, 1];
      const last = some ? rows.at(-1)[0] : 1;
      words.textContent = `${label}: ${value}${some ? `, steps 0 to ${count(last)}` : ""}`;
      put(chart.element, { "aria-label": words.textContent });
      chart.scale({ x: [0, last], y, ticks: some ? [[0, last], y] : [[], []] });
      put(line, { d: some ? chart.path(rows.map((row) => [row[0], clamp(row[column], ...y)])) : "" });
      put(turns, { d: rows.flatMap((row, i) =>
        some && i && row[3] !== rows[i - 1][3] ? [chart.path([[row[0], y[0]], [row[0], y[1]]])] : []).join("") });
    },
  };
}

/** The plane; its axes are made anew only when their limits change. */
function cloudOf({ rings, classes, colours, names }) {
  const element = make("div", { role: "img", "aria-label": "The codes of the examples on the latent plane" });
  let half, plane;
  return {
    element,
    show(about, codes) {
      if (about.half !== half) {
        half = about.half;
        const ticks = [-half / 2, 0, half / 2];
        plane = planeOf({
          low: [-half, -half], high: [half, half], ticks: [ticks, ticks], rings, marks: [],
          points: new Uint16Array(), classes, colours,
        });
        element.replaceChildren(plane.element);
      }
      plane.cloud(codes);
      plane.mark(middlesOf(codes, names, (i) => classes.getUint8(i)).map(([x, y, name]) =>
        [(2 * x - 1) * half, (2 * y - 1) * half, name]));
    },
  };
}

/** Each class's middle, as parts of the plane; one that would lie on another is left out. */
function middlesOf(codes, names, classOf) {
  const sums = names.map(() => [0, 0, 0]);
  for (let i = 0; i < codes.length / 2 && sums.length; i++)
    [codes[2 * i] / 65535, codes[2 * i + 1] / 65535, 1].forEach((v, k) => { sums[classOf(i)][k] += v; });
  const placed = [];
  sums.forEach(([x, y, n], k) => {
    const near = placed.some((other) => Math.hypot(x / n - other[0], y / n - other[1]) < 13 / 400);
    if (n && !near) placed.push([x / n, y / n, names[k]]);
  });
  return placed;
}

const TOPS = [1, 2, 4, 8, 16, 32, 1e3];

/** The KL of each latent dimension, a bar each, in place of the plane; the line is
 *  what is free. */
function unitsOf(count) {
  const chart = chartOf({
    size: [320, 250], x: [0.5, count + 0.5], y: [0, 1], edge: [14, 12, 40, 48], titles: ["latent dimension", "KL / nats"],
    label: "KL of each latent dimension", said: (t) => String(t),
  });
  const bars = Array.from({ length: count }, () => chart.add("path", { class: "vl-unit" }));
  const gift = chart.add("path", { class: "vl-free" });
  const numbers = Array.from({ length: count }, (_, i) => i + 1).filter((n) => count < 17 || n % 5 === 0);
  return {
    element: chart.element,
    show({ units, free_bits: free }) {
      const top = TOPS.find((t) => t >= Math.max(free, ...units)) ?? TOPS.at(-1);
      const alive = units.filter((v) => v >= 0.01).length;
      chart.scale({ y: [0, top], ticks: [numbers, [0, top / 2, top]] });
      bars.forEach((bar, i) => put(bar, {
        d: chart.path([[i + 0.62, units[i]], [i + 1.38, units[i]]], true) + "Z",
        class: units[i] < 0.01 ? "vl-unit vl-dead" : "vl-unit",
      }));
      put(gift, { d: free ? chart.path([[0.5, free], [count + 0.5, free]]) : "" });
      put(chart.element, { "aria-label": `KL of each latent dimension, in nats: ${units.map((v) => v.toFixed(2)).join(", ")}` });
      return `${alive} of ${count} dimensions above 0.01 nats`;
    },
  };
}

/** All that shows a frame of a run. */
function stageOf(page) {
  const strip = (name, label) => pictureOf({ shape: page.shape, range: [0, 255] }, name, label);
  const cloud = page.units ? unitsOf(page.units) : cloudOf(page), originals = strip("originals", "Examples"), copies = strip("decoded", "Their reconstructions");
  const curves = [curveOf("reconstruction", 1, "Reconstruction term"), curveOf("kl", 2, "KL")];
  const says = make("p", { class: "vl-says" });
  originals.paint(bytes(page.originals));
  return {
    says,
    element: box("row",
      figure(page.units ? "A bar for each latent dimension: its KL. Line: what is free" : "Latent plane: a dot for each example", cloud.element),
      box("side",
        figure("Above: examples x. Below: their reconstructions", originals.canvas, copies.canvas),
        ...curves.map((curve) => curve.element))),
    paint(root, { about, codes, pixels, rows }) {
      const told = cloud.show(about, codes);
      copies.paint(pixels);
      for (const curve of curves) curve.show(about, rows);
      says.textContent = `Step ${count(about.step)} · β ${sayNumber(about.beta)} · ${told ? `free bits ${sayNumber(about.free_bits)} · ${told}` : `learning rate ${sayNumber(about.lr)}`}`;
      for (const name of ["step", "beta", "lr", "reconstruction", "kl", ...(told ? ["free_bits", "units"] : [])]) root.dataset[name] = about[name] ?? "";
      root.dataset.frame = String(+root.dataset.frame + 1);
    },
  };
}

/** Frame `i` of what the kernel keeps for views that come late. */
function keptOf(model, i) {
  const [codes, pixels, curve] = ["_codes", "_pixels", "_curve"].map((name) => model.get(name));
  return frameAt(model.get("_frames"), codes, pixels, curve, i);
}

/** A recording: a slider over its frames, and a button that plays them. */
function playback(model, el, stage) {
  const last = model.get("_frames").length - 1;
  let at = last;
  const slider = sliderOf("Step of the recording", { low: 0, high: last, step: 1, whole: true, home: 0, name: "step" },
    (i) => { player.stop(); turn(i); });
  const player = playerOf("Play", "Pause", () => {
    if (at === last) turn(0);
    const first = at, began = performance.now();
    return (now) => {
      const next = Math.min(last, first + Math.floor((Math.max(0, now - began) / 1000) * PER_SECOND));
      if (next !== at) turn(next);
      return at < last;
    };
  }, () => {});
  const root = mount(el, "live-training", "Recorded training",
    box("live", slidersOf(slider), box("buttons", player.element), stage.says, stage.element));
  const paint = perFrame(() => stage.paint(root, keptOf(model, at)));

  function turn(i) {
    at = i;
    const { step, beta, kl } = model.get("_frames")[i];
    slider.show(i, `${step}, β ${sayNumber(beta)}, KL ${sayNumber(kl)} nats`, count(step));
    paint();
  }

  // As its still picture: the last.
  turn(last);
  return hear(model, {}, player.stop, paint.stop);
}

const SLIDERS = { beta: "β", lr: "learning rate", free_bits: "free bits" };

/** A run in the kernel: sliders for β and another setting, and buttons. */
function running(model, el, stage) {
  const python = teller(model, () => true), note = noteOf(), { sliders } = model.get("_page");
  let newest;
  const logs = Object.entries(SLIDERS).filter(([trait]) => sliders[trait]).map(([trait, name]) => {
    const [low, high, home] = sliders[trait], log = low > 0;
    const slider = sliderOf(name, { low, high, home, log, step: log ? 0.05 * Math.LN10 : 0.05, said: sayNumber }, (v) => {
      const told = +v.toPrecision(3);
      slider.show(told);
      python.soon({ [trait]: told });
    }, python.now);
    const show = () => slider.show(model.get(trait));
    show();
    return { slider, heard: [trait, show] };
  });
  const toggle = button("", () => send({ op: model.get("running") ? "pause" : "start" }));
  const root = mount(el, "live-training", "Live training",
    box("live",
      slidersOf(...logs.map(({ slider }) => slider)),
      box("buttons", toggle, button("Step", () => send({ op: "step" })), button("Reset", () => send({ op: "reset" }))),
      stage.says, note.element, stage.element));
  // The newest picture, once per frame of the screen.
  const paint = perFrame(() => {
    stage.paint(root, newest);
    if (newest.id) send({ op: "seen", id: newest.id });
  });

  function show(next) {
    newest = next;
    paint();
  }

  function send(content) {
    try {
      model.send(content);
    } catch {
      note.say("There is no kernel here to train the model; this is the last picture it made.");
    }
  }

  function heard(content, buffers) {
    if (content.op === "picture") show({ ...frameAt([content], ...buffers, 0), id: content.id });
  }

  function switched() {
    toggle.textContent = model.get("running") ? "Pause" : "Start";
    root.dataset.running = String(model.get("running"));
  }

  const restore = () => show(keptOf(model, 0));
  const complain = () => note.say(model.get("_says"), true);
  const stop = hear(model, {
    ...Object.fromEntries(logs.map((log) => log.heard)),
    "msg:custom": heard, _frames: restore, _says: complain, running: switched,
  }, paint.stop);
  switched();
  note.say();
  if (model.get("_says")) complain();
  restore();
  send({ op: "hello" });
  return stop;
}

function render({ model, el }) {
  const stage = stageOf(model.get("_page"));
  return (model.get("_live") ? running : playback)(model, el, stage);
}

export default { render };
