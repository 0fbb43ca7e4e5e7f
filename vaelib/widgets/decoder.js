// Evaluates a network that travelled here from PyTorch (vaelib/widgets/travel.py).
// Every tensor is a flat Float32Array in row-major order, one example, no batch.

/** @typedef {(x: Float32Array) => Float32Array} Layer */

/**
 * Half-precision numbers, as their bits, to Float32Array.
 * @param {Uint16Array} halves
 */
export function fromHalf(halves) {
  const bits = new Uint32Array(halves.length);
  const floats = new Float32Array(bits.buffer);
  for (let i = 0; i < halves.length; i++) {
    const h = halves[i];
    const size = h & 0x7fff;
    // A float32 has 13 more digits and an exponent whose zero is 112 higher;
    // below 2^-14 a half has no leading one and is a plain multiple of 2^-24.
    if (size < 0x400) floats[i] = (h & 0x8000 ? -size : size) / 16777216;
    else bits[i] = ((h & 0x8000) << 16) | ((size << 13) + 0x38000000);
  }
  return floats;
}

/** The functions of each code seen so far: networks of one kind share theirs. */
const known = {};

/**
 * Makes a function of a travelled network. Its result is overwritten by the
 * next call: copy it to keep it.
 * @param {{layers: object[], code: string, wide: boolean, weights: DataView}} packed
 *   `code` is the text of vaelib/layers/*.js that these layers need, and comes
 *   with them as the front end itself comes: a page has what it uses, no more
 * @returns {Layer}
 */
export function compile({ layers, code, wide, weights }) {
  const functions = (known[code] ??= new Function(code)());
  // A copy, since a view may start at an odd byte.
  const bytes = weights.buffer.slice(
    weights.byteOffset,
    weights.byteOffset + weights.byteLength,
  );
  const numbers = wide ? new Float32Array(bytes) : fromHalf(new Uint16Array(bytes));
  const read = (span) => span && numbers.subarray(span[0], span[0] + span[1]);
  const chain = (specs) => {
    const steps = specs.map((spec) => functions[spec.op](spec, read, chain));
    return (x) => steps.reduce((value, layer) => layer(value), x);
  };
  return chain(layers);
}
