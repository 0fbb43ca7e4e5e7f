// Small numbers, and words for them: what every widget rounds, keeps and says.

/** Three decimals, and no minus before a zero. */
export const round = (v) => Math.round(v * 1000) / 1000 + 0;

export const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

/** A number as it is, with a true minus. */
export const minus = (v) => String(v).replaceAll("-", "−");

/** For people: two decimals and a true minus. */
export const say = (v) => minus((Math.round(v * 100) / 100 + 0).toFixed(2));

/** z₁, z₂, … */
export const nameOf = (i) =>
  "z" + String(i + 1).replace(/\d/g, (d) => String.fromCharCode(0x2080 + +d));

export const sayCode = (z) => Array.from(z, (v, i) => `${nameOf(i)} ${say(v)}`).join(", ");

export const showCode = (z) => `z = (${Array.from(z, say).join(", ")})`;
