// Densities, draws, grids and limits, for widgets that compute in the page.

/** log N(z; mu, sigma²) */
export const logNormal = (z, mu, sigma) =>
  -0.5 * ((z - mu) / sigma) ** 2 - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);

/** A draw from N(0, 1) (Box & Muller 1958). */
export const normal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

/** log Σ exp(values), without overflow. */
export function logSumExp(values) {
  const top = values.reduce((a, b) => Math.max(a, b));
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
}

/** So many steps from low to high, both ends included. */
export const gridOf = (low, high, steps) =>
  Array.from({ length: steps + 1 }, (_, i) => low + ((high - low) * i) / steps);

/** The least that is not below v of `digits`, ten times `digits`, …; the last is 10. */
export function roundUp(v, digits) {
  const power = 10 ** Math.floor(Math.log10(v));
  return digits.map((d) => d * power).find((top) => top >= v * 0.999);
}

/** The squared differences, added up. */
export const squaredError = (a, b) => a.reduce((sum, v, p) => sum + (v - b[p]) ** 2, 0);
