import { linearMap, sigmoid } from "./arithmetic.js";

/** A gated recurrent unit over (T, D), from a state of zeros; torch's order of gates. */
export function gru({ steps, width, hidden: n, wIn, bIn, wBack, bBack }, read) {
  const inward = linearMap(read(wIn), read(bIn), steps, width, 3 * n);
  const back = linearMap(read(wBack), read(bBack), 1, n, 3 * n);
  const out = new Float32Array(steps * n);
  return (x) => {
    const given = inward(x);
    let state = new Float32Array(n);
    for (let t = 0; t < steps; t++) {
      const a = given.subarray(t * 3 * n), b = back(state);
      const next = out.subarray(t * n, (t + 1) * n);
      for (let k = 0; k < n; k++) {
        const reset = sigmoid(a[k] + b[k]);
        const keep = sigmoid(a[n + k] + b[n + k]);
        const fresh = Math.tanh(a[2 * n + k] + reset * b[2 * n + k]);
        next[k] = fresh + keep * (state[k] - fresh);
      }
      state = next;
    }
    return out;
  };
}
