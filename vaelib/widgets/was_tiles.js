// Several pictures on one canvas.
import { make } from "./was_elements.js";
import { fill } from "./was_drawing.js";

/**
 * A canvas with `count` pictures in rows, one pixel apart.
 * @param {{shape: number[], range: number[]}} format of one picture
 */
export function tilesOf(format, count, columns, name, label) {
  const [, height, width] = format.shape;
  const rows = Math.ceil(count / columns);
  const canvas = make("canvas", {
    width: columns * (width + 1) - 1, height: rows * (height + 1) - 1,
    class: `vl-picture vl-${name}`, role: "img", "aria-label": label,
  });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  return {
    canvas,
    rows,
    /** Paints them from one array that holds one picture after the other. */
    paint(values, first = 0) {
      const size = (values.length - first) / count;
      for (let i = 0; i < count; i++) {
        fill(image, values, format, first + i * size);
        context.putImageData(
          image, (i % columns) * (width + 1), Math.floor(i / columns) * (height + 1),
        );
      }
    },
    /** The number of the picture at a place, as fractions of the canvas. */
    at(x, y) {
      const within = (v, n) => Math.max(0, Math.min(n - 1, Math.floor(v * n)));
      return Math.min(count - 1, within(y, rows) * columns + within(x, columns));
    },
  };
}
