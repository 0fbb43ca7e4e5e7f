/** (M, N) to (N, M). */
export function transpose({ in: [rows, columns] }) {
  const out = new Float32Array(rows * columns);
  return (x) => {
    for (let k = 0; k < out.length; k++)
      out[(k % columns) * rows + Math.floor(k / columns)] = x[k];
    return out;
  };
}
