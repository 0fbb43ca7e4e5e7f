// The kit's pieces on a page of just enough: run by test_widget_page.py.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

class Element {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, children: [], heard: {}, dataset: {} });
  }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  removeAttribute(name) { delete this.attributes[name]; }
  addEventListener(name, f) { (this.heard[name] ??= []).push(f); }
  append(...more) { this.children.push(...more); }
  replaceChildren(...more) { this.children = more; }
  setPointerCapture(id) { this.captured = id; }
  getBoundingClientRect() { return { left: 10, top: 20, width: 200, height: 100 }; }
  does(name, event = {}) {
    const sent = { button: 0, prevented: false, preventDefault() { sent.prevented = true; }, ...event };
    for (const f of this.heard[name] ?? []) f(sent);
    return sent.prevented;
  }
}
globalThis.document = {
  createElement: (tag) => new Element(tag),
  createElementNS: (_, tag) => new Element(tag),
};
let frames = [];
globalThis.requestAnimationFrame = (f) => frames.push(f);
globalThis.cancelAnimationFrame = (id) => { frames[id - 1] = () => {}; };
const paint = (now = 0) => { const due = frames; frames = []; due.forEach((f) => f(now)); };

await import(pathToFileURL(process.argv[2]).href);
const {
  bind, chartOf, draggable, floats, hear, perFrame, playerOf, sliderOf, gridOf, logNormal, logSumExp, clamp,
} = globalThis.parts;

/** A model as Jupyter's: what is set is heard at once. */
function modelOf(state) {
  const heard = new Map();
  return {
    state, heard, saved: [],
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      for (const f of heard.get("change:" + name) ?? []) f();
    },
    save_changes() { this.saved.push({ ...state }); },
    on: (name, f) => heard.set(name, [...(heard.get(name) ?? []), f]),
    off: (name, f) => heard.set(name, heard.get(name).filter((g) => g !== f)),
  };
}

// The reader's change is shown and told, with what follows from it; its own echo, and
// what is no change, is neither. Python's is shown, unless a hand is on it.
{
  const model = modelOf({ a: [1, 2], b: 0, sum: 3 });
  let shown = [], held = "";
  const state = bind(model, ["a", "b"], ({ a, b }) => {
    shown.push([...a, b]);
    return { sum: a[0] + a[1] + b };
  }, { busy: (name) => name === held });
  state.set({ a: [1, 2] });
  assert.deepEqual(shown, []);
  state.set({ a: [5, 2], b: 0 });
  state.rest();
  assert.deepEqual(shown, [[5, 2, 0]]);
  assert.deepEqual(model.saved, [{ a: [5, 2], b: 0, sum: 7 }]);
  model.set("b", 4);
  assert.deepEqual(shown.at(-1), [5, 2, 4]);
  held = "b";
  model.set("b", 9);
  assert.deepEqual([shown.length, state.now.b], [2, 4]);
  state.stop();
  model.set("a", [0, 0]);
  assert.equal(shown.length, 2);
  assert.ok([...model.heard.values()].every((list) => !list.length));
}

// Messages have a colon, traits have not; all ends end together.
{
  const model = modelOf({});
  const ended = [];
  const stop = hear(model, { x: () => {}, "msg:custom": () => {} }, () => ended.push(1), () => ended.push(2));
  assert.deepEqual([...model.heard.keys()], ["change:x", "msg:custom"]);
  stop();
  assert.deepEqual(ended, [1, 2]);
}

// One paint a frame, none after the end.
{
  let painted = 0;
  const ask = perFrame(() => painted++);
  ask(); ask(); paint();
  assert.equal(painted, 1);
  ask(); ask.stop(); paint();
  assert.equal(painted, 1);
}

// A slider's keys: one step, ten with Shift, to its ends and home; others pass.
{
  const went = [];
  const press = (slider, key, shiftKey = false) => slider.input.does("keydown", { key, shiftKey });
  const plain = sliderOf("n", { low: -1, high: 1, step: 0.1, home: 0.25, inner: [-0.5, 0.5] }, (v) => went.push(v));
  plain.show(0.5);
  assert.equal(plain.input.attributes.style, "--from:25%;--to:75%");
  assert.equal(plain.input.attributes["aria-valuetext"], "0.50");
  assert.ok(press(plain, "ArrowUp") && press(plain, "ArrowLeft") && press(plain, "ArrowRight", true));
  assert.ok(press(plain, "Home") && !press(plain, "b") && !press(plain, "End"));
  assert.deepEqual(went.map((v) => +v.toFixed(6)), [0.6, 0.5, 1, 0.25]);
  const log = sliderOf("n", { low: 0.01, high: 100, step: Math.LN10, log: true, home: () => { went.push("home"); } },
    (v) => went.push(+v.toFixed(6)));
  log.show(1);
  assert.equal(log.input.value, 0);
  press(log, "ArrowRight"); press(log, "ArrowRight", true); press(log, "Home");
  log.input.value = Math.log(0.1);
  log.input.does("input");
  assert.deepEqual(went.slice(4), [10, 100, "home", 0.1]);
  log.show(0);
  assert.ok(log.input.value <= Math.log(0.01));
  assert.ok(!press(sliderOf("n", { low: 0, high: 9, step: 1, whole: true }, () => {}), "Home"));
}

// A pointer is followed from its press to its release; a press may move nothing.
{
  const element = new Element("div"), told = [];
  let first = true;
  const held = draggable(element, {
    grab: () => first, drag: ({ clientX }) => told.push(clientX), rested: () => told.push("rested"),
  });
  element.does("pointermove", { clientX: 1 });
  element.does("pointerdown", { clientX: 2, button: 2 });
  assert.deepEqual([told, held()], [[], false]);
  assert.ok(element.does("pointerdown", { clientX: 3, pointerId: 7 }));
  element.does("pointermove", { clientX: 4 });
  assert.deepEqual([held(), element.captured], [true, 7]);
  element.does("lostpointercapture");
  element.does("pointermove", { clientX: 5 });
  first = false;
  element.does("pointerdown", { clientX: 6 });
  assert.deepEqual(told, [3, 4, "rested"]);
}

// A chart's places and the values under the pointer undo each other, at every scale.
{
  const chart = chartOf({ size: [400, 200], x: [-2, 2], y: [0, 5], ticks: [[-1, 0], [5]], edge: [8, 12, 20, 30], titles: ["z"] });
  for (const [x, y] of [[[-2, 2], [0, 5]], [[10, 30], [-4, -1]]]) {
    chart.scale({ x, y });
    for (const part of [0, 0.3, 1]) {
      const [a, b] = [x[0] + part * (x[1] - x[0]), y[0] + part * (y[1] - y[0])];
      const event = { clientX: 10 + chart.across(a) / 2, clientY: 20 + chart.up(b) / 2 };
      chart.at(event).forEach((v, i) => assert.ok(Math.abs(v - [a, b][i]) < 1e-9));
    }
    assert.deepEqual([x.map(chart.across), y.map(chart.up)], [[30, 388], [180, 8]]);
  }
  chart.scale({ x: [0, 1], y: [0, 1] });
  assert.equal(chart.path([[0, 1], [1, 0.5]]), "M30.0 8.0L388.0 94.0");
  assert.equal(chart.path([[0, 1], [1, 0.5]], true), "M30.0 180.0L30.0 8.0L388.0 94.0L388.0 180.0");
  const texts = chart.words.children.map((text) => text.children[0]);
  assert.deepEqual(texts, ["−1", "0", "5", "z"]);
}

// What is set going ends by itself or by hand, and rests once.
{
  let left = 0, rested = 0;
  const player = playerOf("Go", "Stop", () => { left = 3; return () => --left > 0; }, () => rested++);
  const seen = () => [player.element.textContent, player.playing(), rested];
  player.element.does("click");
  assert.deepEqual(seen(), ["Stop", true, 0]);
  paint(); paint(); paint(); paint();
  assert.deepEqual([left, ...seen()], [0, "Go", false, 1]);
  player.element.does("click"); paint(); player.element.does("click"); paint();
  assert.deepEqual([left, ...seen()], [2, "Go", false, 2]);
  player.stop();
  assert.equal(rested, 2);
}

// Numbers.
{
  const buffer = Uint8Array.of(9, ...new Uint8Array(Float32Array.of(1.5, -2).buffer), 9).buffer;
  assert.deepEqual([...floats(new DataView(buffer, 1, 8))], [1.5, -2]);
  assert.deepEqual(gridOf(-1, 1, 4), [-1, -0.5, 0, 0.5, 1]);
  const mass = gridOf(-8, 12, 4000).reduce((sum, z) => sum + Math.exp(logNormal(z, 2, 0.7)) * 0.005, 0);
  assert.ok(Math.abs(mass - 1) < 1e-9 && Math.abs(logNormal(2.7, 2, 0.7) - (-0.5 - Math.log(0.7 * Math.sqrt(2 * Math.PI)))) < 1e-12);
  assert.ok(Math.abs(logSumExp([-1000, -1000]) - (Math.LN2 - 1000)) < 1e-9);
  assert.deepEqual([clamp(3, 0, 1), clamp(-3, 0, 1), clamp(0.5, 0, 1)], [1, 0, 0.5]);
}
console.log("ok");
