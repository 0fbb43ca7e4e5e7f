// A picture beside what its first k principal components make of it.
import { bind, hear } from "./bind.js";
import { floats, shorts } from "./bytes.js";
import { chartOf } from "./chart.js";
import { fromHalf } from "./decoder.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, menuOf, mount, publish, put } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { squaredError } from "./maths.js";
import { nameOf, round, say } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

const halves = (view) => fromHalf(shorts(view));

const percent = (part) => `${(100 * part).toFixed(1)} %`;

/** The share of the variance against k, and a mark at the k in use. */
function curveOf(share) {
  const last = share.length - 1;
  const chart = chartOf({
    size: [318, 98], edge: [10, 9, 20, 46], x: [0, last], y: [0, 1],
    ticks: [[0, last], [0.5, 1]], titles: ["k"], said: (t, ofY) => (ofY ? `${100 * t} %` : t),
  });
  const points = share.map((part, k) => [k, part]);
  const area = chart.add("path", { class: "vl-area" });
  chart.add("path", { class: "vl-curve", d: chart.path(points) });
  const knob = chart.knob(6);
  return {
    element: chart.element,
    mark(k) {
      put(area, { d: chart.path(points.slice(0, k + 1), true) });
      knob.move(k, share[k]);
    },
  };
}

function render({ model, el }) {
  const format = model.get("_picture"), size = format.shape.reduce((a, b) => a * b);
  let parts, codes, pictures, curve, rows;
  const given = pictureOf(format, "given", "The example as it is");
  const made = pictureOf(format, "decoded", "The picture decoded from k components");
  const menu = menuOf("Example", choose);
  const length = model.get("z").length;
  const count = sliderOf("k, the number of components", { low: 0, high: length, step: 1, whole: true, name: "k" },
    (k) => state.set({ k }), () => state.rest());
  const words = make("p", { class: "vl-words-line" }), plot = box("plot"), list = box("list");
  const error = make("figcaption");
  const root = mount(
    el, "component-sliders", "Component sliders",
    box("row",
      box("panel", words, plot, box("count", slidersOf(count)), list,
        box("buttons", menu.element,
          button("Its own code", () => choose(state.now.example)),
          button("Mean picture", () => state.set({ z: state.now.z.map(() => 0) })))),
      box("row vl-panel vl-versus", figure("as it is", given.canvas), figure(error, made.canvas))),
  );
  const example = () => pictures.subarray(state.now.example * size, (state.now.example + 1) * size);
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    made.paint(pixels);
    const off = squaredError(example(), pixels);
    error.textContent = `k = ${state.now.k}, squared error ${say(off)}`;
    publish(root, code, { error: off.toFixed(3) });
  });
  const state = bind(model, ["z", "k", "example"], show, decode);

  /** Shows the state, and asks for its picture. */
  function show({ z, k }) {
    rows.forEach(({ input, show }, i) => {
      show(z[i], ...(i < k ? [] : ["not used", "–"]));
      input.disabled = i >= k;
    });
    const kept = percent(parts.share[k]);
    count.show(k, `${k}, keeps ${kept} of the variance`, `${k} of ${length}`);
    count.input.style.setProperty("--to", `${(100 * k) / length}%`);
    words.textContent = `k = ${k} keeps ${kept} of the variance of all pictures.`;
    menu.element.value = state.now.example;
    curve.mark(k);
    given.paint(example());
    decode.ask(z.map((v, i) => (i < k ? v : 0)));
  }

  function choose(i) {
    state.set({ example: i, z: Array.from(codes.subarray(i * length, (i + 1) * length), round) });
    state.rest();
  }

  function furnish() {
    parts = model.get("_parts");
    codes = floats(parts.codes);
    pictures = halves(parts.pictures);
    curve = curveOf(parts.share);
    plot.replaceChildren(curve.element);
    menu.offer(parts.names);
    const pushes = halves(parts.components);
    rows = parts.low.map((low, i) => {
      const push = pictureOf({ ...format, range: [-1, 1] }, "x", `Component ${i + 1}`);
      push.paint(pushes.subarray(i * size, (i + 1) * size));
      return sliderOf(nameOf(i), {
        low, high: parts.high[i], step: parts.step[i], home: 0, name: push.canvas,
        inner: [parts.inner[0][i], parts.inner[1][i]],
      }, (v) => state.set({ z: state.now.z.with(i, round(v)) }), state.rest);
    });
    list.replaceChildren(slidersOf(...rows));
    state.show();
  }

  furnish();
  return hear(model, { _parts: furnish }, state.stop, decode.stop);
}

export default { render };
