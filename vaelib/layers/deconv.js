import { product } from "./arithmetic.js";
import { tapTable } from "./taps.js";

/** Multiplies, and strews the products over the image. */
export function deconv(spec, read) {
  const w = read(spec.w), b = read(spec.b);
  const [depth, height, width] = spec.in;
  const [channels, bigHeight, bigWidth] = spec.out;
  const table = tapTable(spec, spec.out, [height, width]);
  const points = height * width, rows = table.length / points;
  const across = new Float32Array(depth * points);
  const strewn = new Float32Array(rows * points);
  const out = new Float32Array(channels * bigHeight * bigWidth);
  return (x) => {
    for (let c = 0; c < depth; c++)
      for (let p = 0; p < points; p++) across[p * depth + c] = x[c * points + p];
    product(w, null, across, rows, depth, points, strewn);
    for (let c = 0, area = bigHeight * bigWidth; c < channels; c++)
      out.fill(b ? b[c] : 0, c * area, (c + 1) * area);
    for (let p = 0, k = 0; p < points; p++) {
      for (let r = 0; r < rows; r++, k++)
        if (table[k] >= 0) out[table[k]] += strewn[r * points + p];
    }
    return out;
  };
}
