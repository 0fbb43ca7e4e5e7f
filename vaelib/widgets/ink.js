// From pen strokes to the pixels an encoder was trained on.

/** @typedef {[number, number][]} Stroke places in [0, 1] × [0, 1], y downwards */

/** Distance from a place to the stretch between two others. */
function distance(x, y, [ax, ay], [bx, by]) {
  const dx = bx - ax, dy = by - ay;
  const length = dx * dx + dy * dy;
  const along = length ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/** Grey values of strokes in pixels, with soft edges one pixel wide. */
function rasterise(strokes, width, height, pen) {
  const out = new Float32Array(width * height);
  const reach = pen / 2 + 0.5;
  for (const stroke of strokes) {
    for (let k = 0; k < stroke.length; k++) {
      const a = stroke[k], b = stroke[Math.min(k + 1, stroke.length - 1)];
      const top = Math.max(0, Math.floor(Math.min(a[1], b[1]) - reach));
      const bottom = Math.min(height, Math.ceil(Math.max(a[1], b[1]) + reach));
      const left = Math.max(0, Math.floor(Math.min(a[0], b[0]) - reach));
      const right = Math.min(width, Math.ceil(Math.max(a[0], b[0]) + reach));
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const ink = reach - distance(x + 0.5, y + 0.5, a, b);
          const p = y * width + x;
          out[p] = Math.max(out[p], Math.min(1, ink));
        }
      }
    }
  }
  return out;
}

const moved = (strokes, scale, dx, dy) =>
  strokes.map((stroke) => stroke.map(([x, y]) => [x * scale + dx, y * scale + dy]));

/**
 * What the encoder is given. With `box`, prepared as MNIST was (LeCun et al.
 * 1998): the drawing is scaled until its longer side fills the box, and its
 * centre of mass is put in the middle. The lines are scaled, not the pixels, so
 * the pen is as wide as ever.
 * @param {Stroke[]} strokes
 * @param {{pen: number, box: number | null}} style in pixels
 */
export function inkOf(strokes, width, height, { pen, box }) {
  const side = Math.max(width, height);
  const places = strokes.flat();
  if (!places.length || !box) return rasterise(moved(strokes, side, 0, 0), width, height, pen);
  const [xs, ys] = [0, 1].map((i) => places.map((place) => place[i]));
  const long = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  // The pen's own width is part of the box. A dot has no size to scale.
  const scale = long > 0.02 ? Math.max(1, box - pen) / long : side;
  const half = (v) => (scale * (Math.max(...v) + Math.min(...v))) / 2;
  const centred = moved(strokes, scale, width / 2 - half(xs), height / 2 - half(ys));
  const first = rasterise(centred, width, height, pen);
  let total = 0, mx = 0, my = 0;
  first.forEach((v, p) => {
    total += v;
    mx += v * ((p % width) + 0.5);
    my += v * (Math.floor(p / width) + 0.5);
  });
  if (!total) return first;
  return rasterise(
    moved(centred, 1, width / 2 - mx / total, height / 2 - my / total), width, height, pen,
  );
}
