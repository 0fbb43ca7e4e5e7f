// A model in training, watched through pictures that the kernel sends; or the
// recording of one, which needs no kernel.
import { make, mount, teller } from "./was_elements.js";
import { figure, pictureOf, planeOf } from "./was_drawing.js";

const BOX = { wide: 300, high: 110 };
const COLUMNS = { reconstruction: 1, kl: 2 };
const PER_SECOND = 10;
const SIGNS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

const bytesOf = ({ buffer, byteOffset, byteLength }) => buffer.slice(byteOffset, byteOffset + byteLength);

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
  const all = new Float32Array(bytesOf(curve));
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
  return text.replaceAll("-", "−");
}

function chartOf(name, column, label) {
  const line = make("svg:path", { class: "vl-curve" });
  const turns = make("svg:path", { class: "vl-turns" });
  const words = make("svg:g", { class: "vl-words" });
  const chart = make(
    "svg:svg",
    { viewBox: `0 0 ${BOX.wide} ${BOX.high}`, class: "vl-chart", role: "img", "aria-label": label },
    turns, line, words,
  );
  const drawn = figure("", chart);
  return {
    element: drawn.element,
    show(about, rows) {
      const value = about[name] === null ? "no step taken yet" : `${sayNumber(about[name])} nats`;
      drawn.words.textContent = `${label}: ${value}`;
      chart.setAttribute("aria-label", drawn.words.textContent);
      if (rows.length < 2) {
        for (const path of [line, turns]) path.setAttribute("d", "");
        return words.replaceChildren();
      }
      const [low, high] = limitsOf(rows.map((row) => row[column]));
      const last = rows.at(-1)[0];
      drawn.words.textContent += `, steps 0 to ${count(last)}`;
      const x = (step) => ((step / last) * BOX.wide).toFixed(1);
      const y = (v) => (BOX.high * (high - v) / (high - low)).toFixed(1);
      line.setAttribute("d", rows.map((row, i) => `${i ? "L" : "M"}${x(row[0])} ${y(row[column])}`).join(""));
      turns.setAttribute("d", rows.flatMap((row, i) =>
        i && row[3] !== rows[i - 1][3] ? [`M${x(row[0])} 0V${BOX.high}`] : []).join(""));
      words.replaceChildren(...[[high, 13], [low, BOX.high - 5]].map(([v, at]) =>
        make("svg:text", { x: 4, y: at }, sayNumber(v))));
    },
  };
}

/** The plane; its axes are made anew only when their limits change. */
function planeFor(page) {
  const element = make("div", { role: "img", "aria-label": "The codes of the examples on the latent plane" });
  const names = make("svg:svg", { viewBox: "0 0 400 400", class: "vl-words", "aria-hidden": "true" });
  let half, plane;
  return {
    element,
    show(about, codes) {
      if (about.half !== half) {
        half = about.half;
        const ticks = [-half / 2, 0, half / 2];
        plane = planeOf({
          low: [-half, -half], high: [half, half], ticks: [ticks, ticks], rings: page.rings, marks: [],
          points: new Uint16Array(), classes: page.classes, colours: page.colours,
        });
        plane.element.append(names);
        element.replaceChildren(plane.element);
      }
      plane.cloud(codes);
      const sums = page.names.map(() => [0, 0, 0]);
      for (let i = 0; i < codes.length / 2 && sums.length; i++) {
        const sum = sums[page.classes.getUint8(i)];
        sum[0] += codes[2 * i];
        sum[1] += codes[2 * i + 1];
        sum[2]++;
      }
      // A name that would lie on another is left out.
      const placed = [];
      names.replaceChildren(...sums.flatMap(([x, y, n], k) => {
        const at = [(x / n / 65535) * 400, 406 - (y / n / 65535) * 400];
        if (!n || placed.some((other) => Math.hypot(at[0] - other[0], at[1] - other[1]) < 13)) return [];
        placed.push(at);
        return [make("svg:text", { class: "vl-class", x: at[0], y: at[1] }, page.names[k])];
      }));
    },
  };
}

function render({ model, el }) {
  const page = model.get("_page"), live = model.get("_live");
  const strip = (name, label) =>
    pictureOf({ shape: page.shape, range: [0, 255] }, name, label);
  const plane = planeFor(page);
  const originals = strip("originals", "Examples");
  const copies = strip("decoded", "Their reconstructions");
  const charts = [
    chartOf("reconstruction", 1, "Reconstruction term"), chartOf("kl", 2, "KL"),
  ];
  const says = make("p", { class: "vl-says" });
  const listeners = {};
  const note = make("p", { class: "vl-note" });
  const controls = live ? liveControls() : playControls();
  const root = mount(
    el, "live-training", live ? "Live training" : "Recorded training",
    make("div", { class: "vl-live" },
      ...controls.elements, says, note,
      make("div", { class: "vl-row" },
        figure("Latent plane: a dot for each example", plane.element).element,
        make("div", { class: "vl-side" },
          figure("Above: examples x. Below: their reconstructions", originals.canvas, copies.canvas).element,
          ...charts.map((chart) => chart.element)))),
  );
  let waiting, frame;
  originals.paint(new Uint8Array(bytesOf(page.originals)));
  remark("");

  function remark(text, alarm) {
    note.textContent = text;
    note.hidden = !text;
    if (alarm) note.setAttribute("role", "alert");
    else note.removeAttribute("role");
  }

  /** Paints the newest picture once per frame of the screen. */
  function show(next) {
    waiting = next;
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      paint(waiting);
    });
  }

  function paint({ about, codes, pixels, rows, id }) {
    plane.show(about, codes);
    copies.paint(pixels);
    for (const chart of charts) chart.show(about, rows);
    controls.painted(about);
    says.textContent = `Step ${count(about.step)} · β ${sayNumber(about.beta)} · learning rate ${sayNumber(about.lr)}`;
    for (const name of ["step", "beta", "lr", "reconstruction", "kl"])
      root.dataset[name] = about[name] ?? "";
    root.dataset.frame = String(+root.dataset.frame + 1);
    if (id) send({ op: "seen", id });
  }

  function kept(i = 0) {
    const [codes, pixels, curve] = ["_codes", "_pixels", "_curve"].map((name) => model.get(name));
    return frameAt(model.get("_frames"), codes, pixels, curve, i);
  }

  function send(content) {
    try {
      model.send(content);
    } catch {
      remark("There is no kernel here to train the model; this is the last picture it made.");
    }
  }

  /** A slider on a logarithmic scale. */
  function logSlider(trait, name, python) {
    const [low, high, home] = page.sliders[trait];
    const number = make("span", { class: "vl-number" });
    const input = make("input", {
      type: "range", min: Math.log10(low), max: Math.log10(high), step: 0.01, "aria-label": name,
      style: "--from:0%;--to:0%",
      input: () => tell(10 ** +input.value),
      change: () => python.now(),
      keydown(event) {
        const sign = SIGNS[event.key];
        if (event.key === "Home") tell(home);
        else if (sign) tell(Math.max(low, Math.min(high, 10 ** (+input.value + sign * (event.shiftKey ? 0.5 : 0.05)))));
        else return;
        event.preventDefault();
      },
    });
    let told;
    function tell(value) {
      told = +value.toPrecision(3);
      place(told);
      python.soon({ [trait]: told });
    }
    function place(value) {
      input.value = Math.log10(Math.max(value, low));
      input.setAttribute("aria-valuetext", sayNumber(value));
      number.textContent = sayNumber(value);
    }
    place(model.get(trait));
    listeners[`change:${trait}`] = () => place(model.get(trait));
    return [make("span", { "aria-hidden": "true" }, name), input, number];
  }

  function liveControls() {
    const python = teller(model, () => true);
    const press = (text, op) => make("button", { type: "button", click: () => send({ op }) }, text);
    const toggle = make("button", {
      type: "button", click: () => send({ op: model.get("running") ? "pause" : "start" }),
    });
    return {
      elements: [
        make("div", { class: "vl-sliders" },
          ...logSlider("beta", "β", python), ...logSlider("lr", "learning rate", python)),
        make("div", { class: "vl-buttons" }, toggle, press("Step", "step"), press("Reset", "reset")),
      ],
      painted() {},
      running() {
        const on = model.get("running");
        toggle.textContent = on ? "Pause" : "Start";
        root.dataset.running = String(on);
      },
    };
  }

  function playControls() {
    const last = model.get("_frames").length - 1;
    const input = make("input", {
      type: "range", min: 0, max: last, step: 1, "aria-label": "Step of the recording",
      style: "--from:0%;--to:0%", input: () => turn(+input.value),
      keydown(event) {
        const by = (SIGNS[event.key] ?? 0) * (event.shiftKey ? 10 : 1);
        const next = { Home: 0, End: last }[event.key] ?? +input.value + by;
        if (!by && !(event.key in { Home: 0, End: 0 })) return;
        turn(Math.max(0, Math.min(last, next)));
        event.preventDefault();
      },
    });
    const number = make("span", { class: "vl-number" });
    const button = make("button", { type: "button", click: () => (timer ? stop() : play()) }, "Play");
    let timer;
    function turn(i) {
      stop();
      input.value = i;
      show(kept(i));
    }
    function play() {
      if (+input.value === last) turn(0);
      button.textContent = "Pause";
      timer = setInterval(() => {
        input.value = +input.value + 1;
        show(kept(+input.value));
        if (+input.value === last) stop();
      }, 1000 / PER_SECOND);
    }
    function stop() {
      clearInterval(timer);
      timer = undefined;
      button.textContent = "Play";
    }
    return {
      elements: [
        make("div", { class: "vl-sliders" }, make("span", { "aria-hidden": "true" }, "step"), input, number),
        make("div", { class: "vl-buttons" }, button),
      ],
      painted({ step, beta, kl }) {
        number.textContent = count(step);
        input.setAttribute("aria-valuetext", `${step}, β ${sayNumber(beta)}, KL ${sayNumber(kl)} nats`);
      },
      stop,
      turn,
    };
  }

  function heard(content, buffers) {
    if (content.op !== "picture") return;
    const [codes, pixels, curve] = buffers;
    show({ ...frameAt([content], codes, pixels, curve, 0), id: content.id });
  }

  const restore = () => show(kept());
  const complain = () => remark(model.get("_says"), true);
  if (!live) {
    // As its still picture: the last.
    controls.turn(model.get("_frames").length - 1);
    return () => {
      controls.stop();
      cancelAnimationFrame(frame);
    };
  }
  Object.assign(listeners, {
    "msg:custom": heard, "change:_frames": restore, "change:_says": complain,
    "change:running": () => controls.running(),
  });
  for (const [event, f] of Object.entries(listeners)) model.on(event, f);
  controls.running();
  if (model.get("_says")) complain();
  restore();
  send({ op: "hello" });
  return () => {
    cancelAnimationFrame(frame);
    for (const [event, f] of Object.entries(listeners)) model.off(event, f);
  };
}

export default { render };
