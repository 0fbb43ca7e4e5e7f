/** Mean 0 and variance 1 for each stretch of `each` numbers; then w and b. */
export function layer_norm(spec, read) {
  const w = read(spec.w), b = read(spec.b), n = spec.each;
  const out = new Float32Array(spec.size);
  return (x) => {
    for (let start = 0; start < out.length; start += n) {
      let mean = 0, square = 0;
      for (let k = 0; k < n; k++) mean += x[start + k] / n;
      for (let k = 0; k < n; k++) square += (x[start + k] - mean) ** 2 / n;
      const scale = 1 / Math.sqrt(square + spec.eps);
      for (let k = 0; k < n; k++)
        out[start + k] = (x[start + k] - mean) * scale * (w ? w[k] : 1) + (b ? b[k] : 0);
    }
    return out;
  };
}
