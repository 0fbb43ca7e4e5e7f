// One slider over models that were trained with different β.
import { floats, inTurn, make, mount, nameOf, publish, teller } from "./was_controls.js";
import { compile } from "./decoder.js";
import { figure, planeOf } from "./was_drawing.js";
import { tilesOf } from "./was_tiles.js";

/** Three digits, for people. */
export const digits = (v) => String(+v.toPrecision(3) + 0).replaceAll("-", "−");

/** @param {number[]} point β, rate, distortion */
export const sayPoint = ([beta, rate, distortion]) =>
  `β = ${digits(beta)}, rate ${digits(rate)} nats, distortion ${digits(distortion)} nats`;

/** All pictures of one model, one after the other in one array. */
export const picturesOf = ({ decoder, z }, size) => inTurn(compile(decoder), size)(floats(z));

const CHART = { wide: 400, high: 300, left: 56, below: 46 };

/** The rate–distortion curve, and a mark on it. */
function curveOf(points, [x, y], ticks) {
  const { wide, high, left, below } = CHART;
  const across = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (wide - left);
  const up = (v) => (high - below) * (1 - (v - y[0]) / (y[1] - y[0]));
  const lines = make("svg:g", { class: "vl-lines" });
  const words = make("svg:g", { class: "vl-words" });
  const text = (...at) => words.append(make("svg:text", at[0], at[1]));
  for (const t of ticks[0]) {
    lines.append(make("svg:path", { d: `M${across(t)} 0V${high - below}` }));
    text({ x: across(t), y: high - below + 17 }, digits(t));
  }
  for (const t of ticks[1]) {
    lines.append(make("svg:path", { d: `M${left} ${up(t)}H${wide}` }));
    text({ x: left - 7, y: up(t) + 4, style: "text-anchor:end" }, digits(t));
  }
  lines.append(make("svg:path", { d: `M${left} 0V${high - below}H${wide}`, class: "vl-axis" }));
  const middle = (high - below) / 2;
  text({ x: (left + wide) / 2, y: high - 9 }, "rate: KL in nats");
  text({ x: 15, y: middle, transform: `rotate(-90 15 ${middle})` }, "distortion: −reconstruction in nats");
  const places = points.map(([, rate, distortion]) => [across(rate), up(distortion)]);
  const dot = make("svg:circle", { class: "vl-dot", r: 8 });
  const chart = make(
    "svg:svg",
    { viewBox: `0 0 ${wide} ${high}`, class: "vl-chart", role: "img" },
    lines, words,
    make("svg:path", { class: "vl-curve", d: `M${places.join("L")}` }),
    ...places.map(([cx, cy]) => make("svg:circle", { class: "vl-stop", cx, cy, r: 3.5 })),
    dot,
  );
  return {
    chart,
    mark(i) {
      dot.setAttribute("cx", places[i][0]);
      dot.setAttribute("cy", places[i][1]);
      chart.setAttribute("aria-label", `Rate–distortion curve of ${points.length} models; marked: ${sayPoint(points[i])}`);
    },
  };
}

/** The plane with the codes of one model at a time. */
function cloudOf(scene, dims) {
  const plane = planeOf(scene);
  const names = make("svg:svg", { viewBox: "0 0 400 400", class: "vl-words", "aria-hidden": "true" });
  const part = (v) => (400 * (v - scene.low[0])) / (scene.high[0] - scene.low[0]);
  plane.element.querySelectorAll(".vl-name").forEach((text, i) => {
    text.textContent = dims[i] === undefined ? "" : nameOf(dims[i]);
  });
  plane.element.append(names);
  const element = make("div", { role: "img", "aria-label": "The data's codes on the latent plane" }, plane.element);
  return {
    element,
    show({ points, marks }) {
      plane.cloud(new Uint16Array(floats(points).buffer));
      names.replaceChildren(...marks.map(([x, y, name]) =>
        make("svg:text", { class: "vl-class", x: part(x), y: 406 - part(y) }, name)));
    },
  };
}

function render({ model, el }) {
  const stops = model.get("_stops"), page = model.get("_page");
  const points = stops.map((stop) => stop.point);
  const [examples, samples, atlas] = page.counts;
  const side = Math.sqrt(atlas);
  const strip = (name, label, range = page.picture.range) =>
    tilesOf({ ...page.picture, range }, examples, examples, name, label);
  const originals = strip("originals", "Examples", [0, 255]);
  const sheets = [
    strip("decoded", "Their reconstructions"),
    tilesOf(page.picture, samples, 5, "samples", "Decoded draws from the prior"),
  ];
  if (atlas) sheets.push(tilesOf(page.picture, atlas, side, "manifold", "The latent plane, decoded"));
  const curve = curveOf(points, page.limits, page.ticks);
  const cloud = cloudOf(page.scene, page.dims);
  const slider = make("input", {
    type: "range", min: 0, max: stops.length - 1, step: 1, "aria-label": "β",
    style: "--from:0%;--to:0%",
    input: () => move(+slider.value), change: () => python.now(),
  });
  const number = make("span", { class: "vl-number" });
  const says = make("p", { class: "vl-says", "aria-hidden": "true" });
  const root = mount(
    el, "beta-explorer", "β explorer",
    make("div", { class: "vl-betas" },
      make("div", { class: "vl-row" },
        make("div", { class: "vl-main" },
          make("div", { class: "vl-sliders" },
            make("span", { class: "vl-name", "aria-hidden": "true" }, "β"), slider, number),
          says,
          figure("Above: examples x. Below: their reconstructions", originals.canvas, sheets[0].canvas).element),
        figure("Rate and distortion: a dot for each β", curve.chart).element),
      make("div", { class: "vl-row" },
        figure("Decoded draws from the prior, the same for every β", sheets[1].canvas).element,
        ...sheets.slice(2).map(({ canvas }) => figure("The latent plane, decoded", canvas).element),
        figure("Codes: a dot for each picture", cloud.element).element)),
  );
  const python = teller(model, () => true);
  const made = [];
  let at = whereIs(model.get("beta")), frame, timer;

  function whereIs(beta) {
    return points.findIndex((point) => point[0] === beta);
  }

  const pictures = (i) => (made[i] ??= picturesOf(stops[i], page.size));

  function paint() {
    frame = undefined;
    const all = pictures(at), each = all.length / page.counts.reduce((a, b) => a + b);
    let first = 0;
    sheets.forEach((sheet, k) => {
      sheet.paint(all.subarray(first, (first += page.counts[k] * each)));
    });
    cloud.show(stops[at]);
    curve.mark(at);
    says.textContent = sayPoint(points[at]);
    publish(root, [points[at][0]]);
    clearTimeout(timer);
    timer = setTimeout(prepare, 100);
  }

  /** Decodes at rest what the slider will reach next. */
  function prepare() {
    const left = stops.map((_, i) => i).filter((i) => !made[i]);
    if (!left.length) return;
    pictures(left.reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a)));
    timer = setTimeout(prepare, 20);
  }

  function show(next) {
    at = next;
    slider.value = at;
    slider.setAttribute("aria-valuetext", sayPoint(points[at]));
    number.textContent = digits(points[at][0]);
    frame ??= requestAnimationFrame(paint);
  }

  function move(next) {
    show(next);
    python.soon({ beta: points[at][0] });
  }

  function fromPython() {
    const next = whereIs(model.get("beta"));
    if (next >= 0 && next !== at) show(next);
  }

  const { buffer, byteOffset, byteLength } = page.originals;
  originals.paint(new Uint8Array(buffer, byteOffset, byteLength));
  show(at);
  model.on("change:beta", fromPython);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    model.off("change:beta", fromPython);
  };
}

export default { render };
