/** A row of the table for each whole number. */
export function embedding({ size, each, w }, read) {
  const table = read(w);
  const out = new Float32Array(size);
  return (x) => {
    for (let k = 0; k < size; k++)
      out[k] = table[x[Math.floor(k / each)] * each + (k % each)];
    return out;
  };
}
