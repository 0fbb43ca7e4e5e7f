/** x + body(x). */
export function residual(spec, read, chain) {
  const body = chain(spec.body);
  const out = new Float32Array(spec.size);
  return (x) => {
    out.set(x);
    const y = body(x);
    for (let k = 0; k < out.length; k++) out[k] += y[k];
    return out;
  };
}
