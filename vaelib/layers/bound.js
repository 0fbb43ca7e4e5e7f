/** vaelib.distributions.smooth_bound on all but the first `skip` numbers. */
export function bound(spec) {
  const out = new Float32Array(spec.size);
  return (x) => {
    for (let k = 0; k < out.length; k++) {
      const inside = Math.max(-10, Math.min(10, x[k]));
      out[k] = k < spec.skip ? x[k] : inside + 0.5 * Math.asinh(2 * (x[k] - inside));
    }
    return out;
  };
}
