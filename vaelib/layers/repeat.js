/** The same numbers again and again, until there are `size`. */
export function repeat({ size }) {
  const out = new Float32Array(size);
  return (x) => {
    for (let k = 0; k < size; k += x.length) out.set(x, k);
    return out;
  };
}
