// A picture beside what its first k principal components make of it.
import { fromHalf } from "./decoder.js";
import { evaluator, floats, make, mount, nameOf, publish, round, same, say, teller } from "./was_controls.js";
import { figure, pictureOf } from "./was_drawing.js";

const TURNS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
const WIDE = 300, HIGH = 70;

const halves = (view) =>
  fromHalf(new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)));

const percent = (part) => `${(100 * part).toFixed(1)} %`;

/** The share of the variance against k, and a mark at the k in use. */
function curveOf(share) {
  const x = (k) => (k * WIDE) / (share.length - 1), y = (part) => HIGH - part * HIGH;
  const line = (upTo) => share.slice(0, upTo + 1).map((part, k) => `${x(k)} ${y(part)}`).join("L");
  const area = make("svg:path", { class: "vl-area" });
  const dot = make("svg:circle", { class: "vl-dot", r: 6 });
  const element = make(
    "svg:svg", { class: "vl-curve", viewBox: `-9 -9 ${WIDE + 18} ${HIGH + 10}`, "aria-hidden": "true" },
    area,
    make("svg:g", { class: "vl-lines" },
      make("svg:path", { d: `M0 0H${WIDE}` }),
      make("svg:path", { class: "vl-axis", d: `M0 ${HIGH}H${WIDE}` }),
      make("svg:path", { class: "vl-axis", d: `M${line(share.length)}` })),
    make("svg:g", { class: "vl-words" }, make("svg:text", { x: 22, y: 15 }, "100 %")),
    dot,
  );
  return {
    element,
    mark(k) {
      area.setAttribute("d", `M0 ${HIGH}L${line(k)}V${HIGH}Z`);
      dot.setAttribute("cx", x(k));
      dot.setAttribute("cy", y(share[k]));
    },
  };
}

function render({ model, el }) {
  const format = model.get("_picture"), size = format.shape.reduce((a, b) => a * b);
  let z = model.get("z").slice(), k = model.get("k"), example = model.get("example");
  let parts, codes, pictures, curve, rows;
  const given = pictureOf(format, "given", "The example as it is");
  const made = pictureOf(format, "decoded", "The picture decoded from k components");
  const choice = make("select", { "aria-label": "Example", change: () => choose(+choice.value) });
  const count = make("input", {
    type: "range", step: 1, min: 0, max: z.length, "aria-label": "k, the number of components",
    input: () => move(z, +count.value), keydown: (event) => jump(event),
  });
  const words = make("p", { class: "vl-words-line" });
  const plot = make("div", {});
  const list = make("div", { class: "vl-sliders" });
  const left = figure("as it is", given.canvas);
  const right = figure("", made.canvas);
  const button = (text, click) => make("button", { type: "button", click }, text);
  const root = mount(
    el, "component-sliders", "Component sliders",
    make("div", { class: "vl-row", change: () => python.now() },
      make("div", { class: "vl-panel" }, words, plot,
        make("div", { class: "vl-sliders vl-count" },
          make("span", { class: "vl-name", "aria-hidden": "true" }, "k"), count,
          make("span", { class: "vl-number" })),
        list,
        make("div", { class: "vl-buttons" }, choice,
          button("Its own code", () => choose(example)),
          button("Mean picture", () => move(z.map(() => 0), k)))),
      make("div", { class: "vl-row vl-panel vl-versus" }, left.element, right.element)),
  );
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    made.paint(pixels);
    const x = pictures.subarray(example * size, (example + 1) * size);
    const error = x.reduce((sum, v, p) => sum + (v - pixels[p]) ** 2, 0);
    right.words.textContent = `k = ${k}, squared error ${say(error)}`;
    root.dataset.error = error.toFixed(3);
    publish(root, code);
  });
  const python = teller(model, decode.inPage);

  function furnish() {
    parts = model.get("_parts");
    codes = floats(parts.codes);
    pictures = halves(parts.pictures);
    curve = curveOf(parts.share);
    plot.replaceChildren(curve.element);
    choice.replaceChildren(...parts.names.map((name, i) => make("option", { value: i }, name)));
    const pushes = halves(parts.components);
    rows = parts.low.map((low, i) => {
      const high = parts.high[i];
      const part = (v) => `${(100 * (v - low)) / (high - low)}%`;
      const push = pictureOf({ ...format, range: [-1, 1] }, "x", `Component ${i + 1}`);
      push.paint(pushes.subarray(i * size, (i + 1) * size));
      const input = make("input", {
        type: "range", step: "any", min: low, max: high, "aria-label": nameOf(i),
        style: `--from:${part(parts.inner[0][i])};--to:${part(parts.inner[1][i])}`,
        input: () => change(i, +input.value),
        keydown: (event) => press(event, i),
      });
      return { push: push.canvas, input, number: make("span", { class: "vl-number" }) };
    });
    list.replaceChildren(...rows.flatMap(({ push, input, number }) => [push, input, number]));
    place();
  }

  /** Shows the state, and asks for its picture. */
  function place() {
    rows.forEach(({ input, number }, i) => {
      input.value = z[i];
      input.disabled = i >= k;
      input.setAttribute("aria-valuetext", i < k ? say(z[i]) : "not used");
      number.textContent = i < k ? say(z[i]) : "–";
    });
    count.value = k;
    count.parentNode.style.setProperty("--to", `${(100 * k) / z.length}%`);
    count.nextSibling.textContent = `${k} of ${z.length}`;
    count.setAttribute("aria-valuetext", `${k}, keeps ${percent(parts.share[k])} of the variance`);
    words.textContent = `k = ${k} keeps ${percent(parts.share[k])} of the variance of all pictures.`;
    choice.value = example;
    curve.mark(k);
    given.paint(pictures.subarray(example * size, (example + 1) * size));
    decode.ask(z.map((v, i) => (i < k ? v : 0)));
  }

  function move(next, nextK, nextExample = example) {
    const rounded = next.map(round);
    if (same(rounded, z) && nextK === k && nextExample === example) return;
    [z, k, example] = [rounded, nextK, nextExample];
    place();
    python.soon({ z, k, example });
  }

  const choose = (i) => move(Array.from(codes.subarray(i * z.length, (i + 1) * z.length)), k, i);
  const change = (i, value) => move(z.map((v, j) => (j === i ? value : v)), k);

  function press(event, i) {
    const by = (TURNS[event.key] ?? 0) * parts.step[i] * (event.shiftKey ? 10 : 1);
    if (event.key === "Home") change(i, 0);
    else if (by) change(i, Math.max(parts.low[i], Math.min(parts.high[i], z[i] + by)));
    else return;
    event.preventDefault();
  }

  function jump(event) {
    const by = (TURNS[event.key] ?? 0) * (event.shiftKey ? 10 : 1);
    if (!by) return;
    move(z, Math.max(0, Math.min(z.length, k + by)));
    event.preventDefault();
  }

  function fromPython() {
    const next = [model.get("z"), model.get("k"), model.get("example")];
    if (same(next[0], z) && next[1] === k && next[2] === example) return;
    [z, k, example] = [next[0].slice(), next[1], next[2]];
    place();
  }

  furnish();
  const events = ["change:z", "change:k", "change:example"];
  for (const event of events) model.on(event, fromPython);
  model.on("change:_parts", furnish);
  return () => {
    decode.stop();
    for (const event of events) model.off(event, fromPython);
    model.off("change:_parts", furnish);
  };
}

export default { render };
