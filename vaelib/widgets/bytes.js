// Binary traits and message buffers as numbers, wherever they begin in their buffer.

const copyOf = ({ buffer, byteOffset, byteLength }) =>
  buffer.slice(byteOffset, byteOffset + byteLength);

export const floats = (view) => new Float32Array(copyOf(view));

export const shorts = (view) => new Uint16Array(copyOf(view));

export const bytes = (view) => new Uint8Array(copyOf(view));

/** Picture `i` of those that travelled in 256 steps, in the data's own range. */
export function pixelsAt(view, i, { shape, range: [low, high] }) {
  const size = shape.reduce((a, b) => a * b);
  return Float32Array.from(bytes(view).subarray(i * size, (i + 1) * size), (v) =>
    low + (v / 255) * (high - low));
}
