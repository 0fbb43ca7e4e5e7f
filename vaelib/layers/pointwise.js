import { sigmoid } from "./arithmetic.js";

/** Error function, to 1.5e-7 (Abramowitz & Stegun 1964, eq. 7.1.26). */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741
    + t * (-1.453152027 + t * 1.061405429))));
  const y = 1 - poly * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

/** The mean of the density on [0, 1] that is proportional to exp(v·x); a series near 0. */
function exponentialMean(v) {
  if (Math.abs(v) < 0.25) return 0.5 + v / 12 - v ** 3 / 720;
  return 1 / -Math.expm1(-v) - 1 / v;
}

/** Element by element; `a` and `b` are the layer's own settings. */
const curves = {
  relu: () => (v) => (v > 0 ? v : 0),
  gelu: () => (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)),
  gelu_tanh: () => (v) =>
    0.5 * v * (1 + Math.tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))),
  silu: () => (v) => v * sigmoid(v),
  tanh: () => Math.tanh,
  sigmoid: () => sigmoid,
  exponential_mean: () => exponentialMean,
  leaky_relu: (a) => (v) => (v > 0 ? v : a * v),
  elu: (a) => (v) => (v > 0 ? v : a * Math.expm1(v)),
  // Beyond the threshold b the two are equal, and exp would overflow.
  softplus: (a, b) => (v) => (v * a > b ? v : Math.log1p(Math.exp(v * a)) / a),
};

/** The same curve for every number. */
export function pointwise(spec) {
  const f = curves[spec.name](spec.a, spec.b);
  const out = new Float32Array(spec.size);
  return (x) => {
    for (let k = 0; k < out.length; k++) out[k] = f(x[k]);
    return out;
  };
}
