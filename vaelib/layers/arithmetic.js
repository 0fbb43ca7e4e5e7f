/**
 * out[r, p] = bias[r] + sum over k of w[r, k] * x[p, k].
 * Four rows at a time, and two points where there are two: each number that is
 * read is then used several times, and no sum waits for the one before it.
 */
export function product(w, bias, x, rows, depth, points, out) {
  for (let r = 0; r < rows; r += 4) {
    // The last group may repeat a row; it is then written twice, with one value.
    const r1 = Math.min(r + 1, rows - 1);
    const r2 = Math.min(r + 2, rows - 1);
    const r3 = Math.min(r + 3, rows - 1);
    const w0 = r * depth;
    const w1 = r1 * depth;
    const w2 = r2 * depth;
    const w3 = r3 * depth;
    const b0 = bias ? bias[r] : 0;
    const b1 = bias ? bias[r1] : 0;
    const b2 = bias ? bias[r2] : 0;
    const b3 = bias ? bias[r3] : 0;
    let p = 0;
    for (; p + 1 < points; p += 2) {
      let s0 = b0, s1 = b1, s2 = b2, s3 = b3;
      let t0 = b0, t1 = b1, t2 = b2, t3 = b3;
      const a = p * depth;
      const c = a + depth;
      for (let k = 0; k < depth; k++) {
        const u = x[a + k], v = x[c + k];
        const m0 = w[w0 + k], m1 = w[w1 + k], m2 = w[w2 + k], m3 = w[w3 + k];
        s0 += m0 * u; s1 += m1 * u; s2 += m2 * u; s3 += m3 * u;
        t0 += m0 * v; t1 += m1 * v; t2 += m2 * v; t3 += m3 * v;
      }
      out[r * points + p] = s0; out[r * points + p + 1] = t0;
      out[r1 * points + p] = s1; out[r1 * points + p + 1] = t1;
      out[r2 * points + p] = s2; out[r2 * points + p + 1] = t2;
      out[r3 * points + p] = s3; out[r3 * points + p + 1] = t3;
    }
    if (p < points) {
      let s0 = b0, s1 = b1, s2 = b2, s3 = b3;
      const a = p * depth;
      for (let k = 0; k < depth; k++) {
        const u = x[a + k];
        s0 += w[w0 + k] * u; s1 += w[w1 + k] * u;
        s2 += w[w2 + k] * u; s3 += w[w3 + k] * u;
      }
      out[r * points + p] = s0; out[r1 * points + p] = s1;
      out[r2 * points + p] = s2; out[r3 * points + p] = s3;
    }
  }
}

/**
 * The same linear map for each of `points` inputs, (points, depth) to (points, rows).
 * @returns {(x: Float32Array) => Float32Array}
 */
export function linearMap(w, b, points, depth, rows) {
  const out = new Float32Array(points * rows);
  if (points === 1) {
    return (x) => {
      product(w, b, x, rows, depth, 1, out);
      return out;
    };
  }
  return (x) => {
    // Inputs as rows and weights as points: so one input's results lie together.
    product(x, null, w, points, depth, rows, out);
    for (let k = 0; b && k < out.length; k += rows)
      for (let r = 0; r < rows; r++) out[k + r] += b[r];
    return out;
  };
}

export const sigmoid = (v) => 1 / (1 + Math.exp(-v));
