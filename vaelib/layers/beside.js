/** Several networks on the same input, their outputs one after the other. */
export function beside({ body, ends, size }, read, chain) {
  const parts = ends.map((end, i) => chain(body.slice(ends[i - 1] ?? 0, end)));
  const out = new Float32Array(size);
  return (x) => {
    let at = 0;
    for (const part of parts) {
      const made = part(x);
      out.set(made, at);
      at += made.length;
    }
    return out;
  };
}
