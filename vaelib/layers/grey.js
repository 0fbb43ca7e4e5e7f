/** The expected grey level of a categorical over evenly spaced levels. */
export function grey(spec) {
  const { size, levels } = spec;
  const out = new Float32Array(size);
  return (x) => {
    for (let k = 0; k < size; k++) {
      let top = -Infinity, total = 0, sum = 0;
      for (let l = 0; l < levels; l++) top = Math.max(top, x[l * size + k]);
      for (let l = 0; l < levels; l++) {
        const e = Math.exp(x[l * size + k] - top);
        total += e;
        sum += (e * l) / (levels - 1);
      }
      out[k] = sum / total;
    }
    return out;
  };
}
