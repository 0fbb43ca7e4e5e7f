// The page's side of a conversation with the kernel: run by test_widget_page.py.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

await import(pathToFileURL(process.argv[2]).href);
const { evaluator, teller, round, say, sayCode, nameOf } = globalThis.parts;

let frames = [];
globalThis.requestAnimationFrame = (f) => frames.push(f);
globalThis.cancelAnimationFrame = () => {};
const paint = () => frames.splice(0).forEach((f) => f());

/** A model that only listens. */
function fakeModel(state) {
  const listeners = {};
  return {
    sent: [], saved: [], state,
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    save_changes() { this.saved.push({ ...state }); },
    on: (name, f) => { (listeners[name] ??= []).push(f); },
    off: (name, f) => { listeners[name] = listeners[name].filter((g) => g !== f); },
    say: (name, ...args) => (listeners[name] ?? []).forEach((f) => f(...args)),
    send(content, callbacks, buffers) {
      this.sent.push({ ...content, z: Array.from(new Float32Array(buffers[0])) });
    },
  };
}
/** As much of a page as a remark needs. */
const fakeElement = () => ({
  role: null,
  setAttribute(name, value) { this[name] = value; },
  removeAttribute(name) { this[name] = null; },
  append(...children) { this.last = children.at(-1) ?? this.last; },
});
globalThis.document = { createElement: fakeElement };
const floats = (...v) => new DataView(Float32Array.from(v).buffer);

/** A widget whose decoder stays in the kernel. */
function inKernel() {
  const model = fakeModel({ _decoder: { why: "as asked" } });
  const shown = [];
  const root = fakeElement();
  const decode = evaluator(model, "decoder", root, (out, input) => shown.push([out[0], ...input]));
  const answer = (i, value, error) =>
    model.say("msg:custom", { view: model.sent[i].view, id: model.sent[i].id, error }, error ? [] : [floats(value)]);
  return { model, shown, decode, answer, note: root.last };
}

// At most three on their way; of those that wait, only the newest goes.
{
  const { model, shown, decode, answer } = inKernel();
  for (let i = 0; i < 10; i++) { decode.ask([i]); paint(); }
  assert.deepEqual(model.sent.map((m) => m.z[0]), [0, 1, 2]);
  answer(0, 100); paint();
  assert.deepEqual(model.sent.map((m) => m.z[0]), [0, 1, 2, 9]);
  answer(1, 101); answer(2, 102); paint(); answer(3, 109); paint();
  assert.deepEqual(shown.at(-1), [109, 9]);
  // Nothing is left over: no question waits, no frame is pending.
  assert.equal(model.sent.length, 4);
  assert.equal(frames.length, 0);
}

// An answer that was overtaken is not shown.
{
  const { shown, decode, answer } = inKernel();
  for (let i = 0; i < 3; i++) { decode.ask([i]); paint(); }
  answer(2, 2); paint();
  answer(0, 0); answer(1, 1); paint();
  assert.deepEqual(shown, [[2, 2]]);
}

// Of two answers between two frames, the newer is shown, once.
{
  const { shown, decode, answer } = inKernel();
  decode.ask([0]); paint(); decode.ask([1]); paint();
  answer(0, 0); answer(1, 1); paint();
  assert.deepEqual(shown, [[1, 1]]);
}

// Several moves within one frame are one question.
{
  const { model, decode } = inKernel();
  for (let i = 0; i < 5; i++) decode.ask([i]);
  paint();
  assert.deepEqual(model.sent.map((m) => m.z[0]), [4]);
}

// An error is shown, and the next question still goes; a later picture clears it.
{
  const { model, shown, decode, answer, note } = inKernel();
  decode.ask([0]); paint();
  answer(0, 0, "ValueError: broken"); paint();
  assert.deepEqual([note.textContent, note.role, note.hidden], ["ValueError: broken", "alert", false]);
  decode.ask([1]); paint(); answer(1, 7); paint();
  assert.deepEqual(shown, [[7, 1]]);
  assert.deepEqual([note.textContent, note.role], ["The decoder runs in the kernel: as asked.", null]);
  assert.equal(model.sent.length, 2);
}

// Another view's answers are not ours.
{
  const { model, shown, decode } = inKernel();
  decode.ask([0]); paint();
  model.say("msg:custom", { view: "another", id: 1 }, [floats(5)]); paint();
  assert.deepEqual(shown, []);
}

// A network whose code the page does not take is evaluated by the kernel.
{
  const code = "throw new EvalError('no code from text here')";
  const model = fakeModel({ _decoder: { layers: [], code, weights: floats(1) } });
  const decode = evaluator(model, "decoder", fakeElement(), () => {});
  assert.equal(decode.inPage(), false);
  decode.ask([1]); paint();
  assert.deepEqual(model.sent.map((m) => m.z[0]), [1]);
}

// In the page: one evaluation per frame, of the newest; the kernel hears nothing.
{
  const weights = new DataView(Float32Array.from([2, 1]).buffer);
  const layers = [{ op: "line", w: [0, 1], b: [1, 1] }];
  const code = "return { line: ({ w, b }, read) => ([x]) => [read(w)[0] * x + read(b)[0]] };";
  const model = fakeModel({ _decoder: { layers, code, wide: true, weights } });
  const shown = [];
  const decode = evaluator(model, "decoder", fakeElement(), (out, input) => shown.push([out[0], ...input]));
  decode.ask([1]); decode.ask([2]); decode.ask([3]);
  paint();
  assert.deepEqual(shown, [[7, 3]]);
  assert.equal(model.sent.length, 0);
  assert.equal(frames.length, 0);
  // New weights: the picture is painted again.
  model.state._decoder = { layers, code, wide: true, weights: new DataView(Float32Array.from([1, 0]).buffer) };
  model.say("change:_decoder"); paint();
  assert.deepEqual(shown.at(-1), [3, 3]);
  decode.stop();
  model.say("change:_decoder"); paint();
  assert.equal(shown.length, 2);
}

// Telling Python: the first move starts the clock, the last value wins, and
// releasing says it at once; without news nothing is said.
{
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const model = fakeModel({ z: [0] });
  const python = teller(model, () => true);
  for (let i = 1; i <= 5; i++) python.soon({ z: [i] });
  assert.deepEqual(model.state.z, [0]);
  await wait(150);
  assert.deepEqual(model.saved.map((s) => s.z), [[5]]);
  python.soon({ z: [6] }); python.now(); python.now();
  await wait(150);
  assert.deepEqual(model.saved.map((s) => s.z), [[5], [6]]);
  // With a busy kernel: only once it rests.
  const busy = fakeModel({ z: [0] });
  const quiet = teller(busy, () => false);
  for (let i = 1; i <= 4; i++) { quiet.soon({ z: [i] }); await wait(120); }
  assert.deepEqual(busy.saved, []);
  await wait(250);
  assert.deepEqual(busy.saved.map((s) => s.z), [[4]]);
}

// Words and numbers.
assert.equal(nameOf(0), "z₁");
assert.equal(nameOf(11), "z₁₂");
assert.equal(say(-0.001), "0.00");
assert.equal(say(-1.2), "−1.20");
assert.equal(sayCode([0.5, -1]), "z₁ 0.50, z₂ −1.00");
assert.ok(Object.is(round(-0.0001), 0));
assert.equal(round(0.1 + 0.2), 0.3);
console.log("ok");
