import { linearMap } from "./arithmetic.js";

/** One linear map, for each of `points` steps. */
export const linear = (spec, read) =>
  linearMap(read(spec.w), read(spec.b), spec.points, spec.in, spec.out);
