/** The mean over the steps of (T, D), `size` being D. */
export function mean({ steps, size }) {
  const out = new Float32Array(size);
  return (x) => {
    out.fill(0);
    for (let k = 0; k < steps * size; k++) out[k % size] += x[k] / steps;
    return out;
  };
}
