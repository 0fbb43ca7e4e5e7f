import { linearMap } from "./arithmetic.js";

/** Multi-head self-attention over (T, D): softmax(QKᵀ / √d) V in each head. */
export function attention({ steps, width, heads, causal, w, b, wOut, bOut }, read) {
  const project = linearMap(read(w), read(b), steps, width, 3 * width);
  const join = linearMap(read(wOut), read(bOut), steps, width, width);
  const each = width / heads, row = 3 * width;
  const mixed = new Float32Array(steps * width);
  const weights = new Float32Array(steps);
  return (x) => {
    const qkv = project(x);
    mixed.fill(0);
    for (let head = 0; head < width; head += each) {
      for (let t = 0; t < steps; t++) {
        const seen = causal ? t + 1 : steps;
        let top = -Infinity, total = 0;
        for (let s = 0; s < seen; s++) {
          let dot = 0;
          for (let k = head; k < head + each; k++)
            dot += qkv[t * row + k] * qkv[s * row + width + k];
          weights[s] = dot / Math.sqrt(each);
          top = Math.max(top, weights[s]);
        }
        for (let s = 0; s < seen; s++) total += weights[s] = Math.exp(weights[s] - top);
        for (let s = 0; s < seen; s++) {
          for (let k = head; k < head + each; k++)
            mixed[t * width + k] += (weights[s] / total) * qkv[s * row + 2 * width + k];
        }
      }
    }
    return join(mixed);
  };
}
