/** w x + b, with a w and a b for each channel of `each` numbers; w may be missing. */
export function affine(spec, read) {
  const w = read(spec.w), b = read(spec.b);
  const out = new Float32Array(b.length * spec.each);
  return (x) => {
    for (let k = 0; k < out.length; k++) {
      const c = Math.floor(k / spec.each);
      out[k] = (w ? w[c] : 1) * x[k] + b[c];
    }
    return out;
  };
}
