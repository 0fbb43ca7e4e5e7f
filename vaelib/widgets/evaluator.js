// One evaluation at a time, for widgets that decode or encode: in the page, or by the
// kernel where the network cannot travel.
import { hear } from "./bind.js";
import { floats } from "./bytes.js";
import { compile } from "./decoder.js";
import { noteOf } from "./elements.js";

/**
 * Evaluates a network for the newest input only: in the page once per frame, or
 * in the kernel with at most three questions on their way.
 * What goes wrong is said in a line at the end of `root`.
 * @param {string} op "decoder" or "encoder"; the trait is "_" + op
 * @param {(output: ArrayLike<number>, input: ArrayLike<number>) => void} show
 * @param {number} each size of one input, where several are asked in one array;
 *   their outputs then come in one array, too
 */
export function evaluator(model, op, root, show, each = 0) {
  const view = Math.random().toString(36);
  const flying = new Map();
  const note = noteOf();
  let net, why, wanted, newest, frame, sent = 0, shown = 0;
  root.append(note.element);

  function build() {
    const packed = model.get("_" + op);
    net = null;
    ({ why } = packed);
    try {
      if (packed.weights) net = inTurn(compile(packed), each);
    } catch (error) {
      // A page may forbid code that comes as text.
      why = error.message;
    }
    why &&= `The ${op} runs in the kernel: ${why}.`;
    note.say(why);
    if (newest) ask(newest);
  }

  function ask(input) {
    wanted = newest = input;
    frame ??= requestAnimationFrame(go);
  }

  function go() {
    frame = undefined;
    if (!wanted || (!net && flying.size >= 3)) return;
    const input = wanted;
    wanted = null;
    if (net) return show(net(input), input);
    flying.set(++sent, input);
    model.send({ op, view, id: sent }, undefined, [Float32Array.from(input).buffer]);
  }

  function answered({ view: whose, id, error }, buffers) {
    if (whose !== view || !flying.has(id)) return;
    const input = flying.get(id);
    flying.delete(id);
    if (id > shown) {
      shown = id;
      note.say(error ?? why, Boolean(error));
      if (!error) requestAnimationFrame(() => id === shown && show(floats(buffers[0]), input));
    }
    if (wanted) ask(wanted);
  }

  build();
  return {
    ask,
    /** Whether moving costs the kernel nothing. */
    inPage: () => Boolean(net),
    stop: hear(model, { ["_" + op]: build, "msg:custom": answered }, () => cancelAnimationFrame(frame)),
  };
}

/** A network for inputs that stand one after the other in one array. */
export function inTurn(net, each) {
  if (!each) return net;
  return (inputs) => {
    let all;
    for (let i = 0; i < inputs.length / each; i++) {
      const out = net(Float32Array.from(inputs.slice(i * each, (i + 1) * each)));
      all ??= new Float32Array((out.length * inputs.length) / each);
      all.set(out, i * out.length);
    }
    return all;
  };
}
