// A path of straight pieces: where one is after a share of its length.

/** Lengths of the pieces of `path`, summed up; 0 stands first. */
export function milestones(path) {
  const sums = [0];
  for (let i = 1; i < path.length; i++)
    sums.push(sums[i - 1] + Math.hypot(path[i][0] - path[i - 1][0], path[i][1] - path[i - 1][1]));
  return sums;
}

/** The place after the share `t` of the whole length. */
export function along(path, t) {
  const sums = milestones(path);
  const gone = t * sums.at(-1);
  // The first milestone at or beyond it; at t = 1 rounding may pass the last.
  let i = sums.findIndex((s, k) => k > 0 && s >= gone);
  if (i < 0) i = path.length - 1;
  if (i === 0) return path[0].slice();
  const piece = sums[i] - sums[i - 1];
  const part = piece > 0 ? Math.min(1, (gone - sums[i - 1]) / piece) : 1;
  return path[i].map((v, k) => path[i - 1][k] + part * (v - path[i - 1][k]));
}
