import { product } from "./arithmetic.js";
import { tapTable } from "./taps.js";

/** Gathers patches and multiplies, so that the arithmetic is one matrix product. */
export function conv(spec, read) {
  const w = read(spec.w), b = read(spec.b);
  const [rows, height, width] = spec.out;
  const table = tapTable(spec, spec.in, [height, width]);
  const points = height * width;
  const patches = new Float32Array(table.length);
  const out = new Float32Array(rows * points);
  return (x) => {
    for (let k = 0; k < table.length; k++) {
      const from = table[k];
      patches[k] = from < 0 ? 0 : x[from];
    }
    product(w, b, patches, rows, table.length / points, points, out);
    return out;
  };
}
