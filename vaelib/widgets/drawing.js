// Pictures, one or several on a canvas.
import { make } from "./elements.js";

/**
 * A canvas of the data's own size, enlarged by the page; or with `count` pictures
 * in rows, one pixel apart.
 * @param {{shape: number[], range: number[]}} format of one picture
 * @param {string} name "decoded", or what else it shows
 */
export function pictureOf(format, name, label, count = 1, columns = count) {
  const [, height, width] = format.shape, rows = Math.ceil(count / columns);
  const canvas = make("canvas", {
    width: columns * (width + 1) - 1, height: rows * (height + 1) - 1,
    class: `vl-picture vl-${name}`, role: "img", "aria-label": label,
  });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  return {
    canvas,
    rows,
    /** Paints from one array that holds one picture after the other. */
    paint(values, first = 0) {
      const size = (values.length - first) / count;
      for (let i = 0; i < count; i++) {
        fill(image, values, format, first + i * size);
        context.putImageData(
          image, (i % columns) * (width + 1), Math.floor(i / columns) * (height + 1),
        );
      }
    },
  };
}

/** Writes one picture's numbers into an image; they begin at `first`. */
function fill(image, values, { shape: [channels, height, width], range: [low, high] }, first) {
  const area = width * height;
  const green = channels === 3 ? area : 0;
  for (let p = 0; p < area; p++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * p + c] = (255 * (values[first + p + c * green] - low)) / (high - low);
    image.data[4 * p + 3] = 255;
  }
}
