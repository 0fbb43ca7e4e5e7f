/** A stretch of the numbers. */
export const part = ({ from, size }) => (x) => x.subarray(from, from + size);
