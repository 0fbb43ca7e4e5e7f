/** Calls visit(index in the image or -1, index among the patches) for every tap. */
function taps(spec, [channels, height, width], [rows, columns], visit) {
  const [kh, kw] = spec.kernel;
  const depth = channels * kh * kw;
  for (let y = 0, p = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, p++) {
      for (let c = 0, k = p * depth; c < channels; c++) {
        for (let i = 0; i < kh; i++) {
          const row = y * spec.stride[0] - spec.padding[0] + i * spec.dilation[0];
          for (let j = 0; j < kw; j++, k++) {
            const column = x * spec.stride[1] - spec.padding[1] + j * spec.dilation[1];
            const inside = row >= 0 && row < height && column >= 0 && column < width;
            visit(inside ? (c * height + row) * width + column : -1, k);
          }
        }
      }
    }
  }
}

/** For each tap of each patch, where it lies in the image; -1 is the padding. */
export function tapTable(spec, image, grid) {
  const [channels] = image;
  const table = new Int32Array(
    channels * spec.kernel[0] * spec.kernel[1] * grid[0] * grid[1],
  );
  taps(spec, image, grid, (from, to) => { table[to] = from; });
  return table;
}
