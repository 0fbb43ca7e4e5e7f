// One slider over models that were trained with different β.
import { bind, hear, perFrame } from "./bind.js";
import { bytes, floats, shorts } from "./bytes.js";
import { chartOf } from "./chart.js";
import { compile } from "./decoder.js";
import { pictureOf } from "./drawing.js";
import { box, figure, make, mount, publish, put } from "./elements.js";
import { inTurn } from "./evaluator.js";
import { minus } from "./numbers.js";
import { planeOf } from "./plane.js";
import { sliderOf, slidersOf } from "./slider.js";

/** Three digits, for people. */
export const digits = (v) => minus(+v.toPrecision(3) + 0);

/** @param {number[]} point β, rate, distortion */
export const sayPoint = ([beta, rate, distortion]) =>
  `β = ${digits(beta)}, rate ${digits(rate)} nats, distortion ${digits(distortion)} nats`;

/** All pictures of one model, one after the other in one array. */
export const picturesOf = ({ decoder, z }, size) => inTurn(compile(decoder), size)(floats(z));

/** The rate–distortion curve, and a mark on it. */
function curveOf(points, [x, y], ticks) {
  const chart = chartOf({
    size: [400, 300], x, y, ticks, said: digits, edge: [8, 10, 44, 56], label: "Rate and distortion",
    titles: ["rate: KL in nats", "distortion: −reconstruction in nats"],
  });
  const places = points.map((point) => point.slice(1));
  chart.add("path", { class: "vl-curve vl-f", d: chart.path(places) });
  for (const [a, b] of places)
    chart.add("circle", { class: "vl-stop", cx: chart.across(a), cy: chart.up(b), r: 3.5 });
  const knob = chart.knob();
  return {
    element: chart.element,
    mark(i) {
      knob.move(...places[i]);
      put(chart.element, { "aria-label": `Rate–distortion curve of ${points.length} models; marked: ${sayPoint(points[i])}` });
    },
  };
}

/** The pictures that one model makes, in sheets: [canvas, caption]. */
function sheetsOf({ counts: [examples, samples, atlas], picture }) {
  const sheets = [
    [pictureOf(picture, "decoded", "Their reconstructions", examples), "Above: examples x. Below: their reconstructions"],
    [pictureOf(picture, "samples", "Decoded draws from the prior", samples, 5), "Decoded draws from the prior, the same for every β"],
  ];
  if (atlas)
    sheets.push([pictureOf(picture, "manifold", "The latent plane, decoded", atlas, Math.sqrt(atlas)), "The latent plane, decoded"]);
  return sheets;
}

function render({ model, el }) {
  const stops = model.get("_stops"), page = model.get("_page");
  const points = stops.map((stop) => stop.point), total = page.counts.reduce((a, b) => a + b);
  const originals = pictureOf({ ...page.picture, range: [0, 255] }, "originals", "Examples", page.counts[0]);
  const [[copies, caption], ...others] = sheetsOf(page);
  const curve = curveOf(points, page.limits, page.ticks);
  const plane = planeOf({ ...page.scene, dims: page.dims });
  const slider = sliderOf("β", { low: 0, high: stops.length - 1, step: 1, whole: true, home: 0 },
    (i) => state.set({ beta: points[i][0] }), () => state.rest());
  const says = make("p", { class: "vl-says", "aria-hidden": "true" });
  const root = mount(
    el, "beta-explorer", "β explorer",
    box("betas",
      box("row",
        box("main", slidersOf(slider), says, figure(caption, originals.canvas, copies.canvas)),
        figure("Rate and distortion: a dot for each β", curve.element)),
      box("row",
        ...others.map(([{ canvas }, text]) => figure(text, canvas)),
        figure("Codes: a dot for each picture",
          make("div", { role: "img", "aria-label": "The data's codes on the latent plane" }, plane.element)))),
  );
  const made = [];
  const pictures = (i) => (made[i] ??= picturesOf(stops[i], page.size));
  let at = 0, timer;

  const paint = perFrame(() => {
    const all = pictures(at);
    let first = 0;
    [copies, ...others.map(([sheet]) => sheet)].forEach((sheet, k) =>
      sheet.paint(all.subarray(first, (first += (page.counts[k] * all.length) / total))));
    plane.cloud(shorts(stops[at].points));
    plane.mark(stops[at].marks);
    curve.mark(at);
    says.textContent = sayPoint(points[at]);
    publish(root, [points[at][0]]);
    clearTimeout(timer);
    timer = setTimeout(prepare, 100);
  });

  /** Decodes at rest what the slider will reach next. */
  function prepare() {
    const left = stops.map((_, i) => i).filter((i) => !made[i]);
    if (!left.length) return;
    pictures(left.reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a)));
    timer = setTimeout(prepare, 20);
  }

  const state = bind(model, ["beta"], ({ beta }) => {
    at = points.findIndex((point) => point[0] === beta);
    slider.show(at, sayPoint(points[at]), digits(beta));
    paint();
  });
  originals.paint(bytes(page.originals));
  state.show();
  return hear(model, {}, state.stop, paint.stop, () => clearTimeout(timer));
}

export default { render };
