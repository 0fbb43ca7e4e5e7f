// Pictures, and the latent plane.
import { make, nameOf, say } from "./was_elements.js";

/**
 * A canvas of the data's own size, enlarged by the page.
 * @param {{shape: number[], range: number[]}} format
 * @param {string} name "decoded", or what else it shows
 */
export function pictureOf({ shape: [channels, height, width], range: [low, high] }, name, label) {
  const canvas = make("canvas", {
    width, height, class: `vl-picture vl-${name}`, role: "img", "aria-label": label,
  });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  return {
    canvas,
    paint(values) {
      fill(image, values, { shape: [channels, height, width], range: [low, high] });
      context.putImageData(image, 0, 0);
    },
  };
}

/** Writes one picture's numbers into an image; they begin at `first`. */
export function fill(image, values, { shape: [channels, height, width], range: [low, high] }, first = 0) {
  const area = width * height;
  const green = channels === 3 ? area : 0;
  for (let p = 0; p < area; p++) {
    for (let c = 0; c < 3; c++)
      image.data[4 * p + c] = (255 * (values[first + p + c * green] - low)) / (high - low);
    image.data[4 * p + 3] = 255;
  }
}

const SIDE = 400;

/**
 * The plane of the first two latent dimensions: the data's codes, the prior's
 * rings, and a point.
 */
export function planeOf(scene) {
  const [low, high] = [scene.low, scene.high];
  const across = (v) => ((v - low[0]) / (high[0] - low[0])) * SIDE;
  const up = (v) => SIDE - ((v - low[1]) / (high[1] - low[1])) * SIDE;
  const unit = SIDE / (high[0] - low[0]);

  const dots = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, "aria-hidden": "true" });
  const lines = make("svg:g", { class: "vl-lines" });
  const words = make("svg:g", { class: "vl-words" });
  const ellipses = [2, 1].map(() =>
    make("svg:ellipse", { class: "vl-ellipse", visibility: "hidden" }),
  );
  const hair = make("svg:path", { class: "vl-hair" });
  const mean = make("svg:path", { class: "vl-mean" });
  const dot = make("svg:circle", { class: "vl-dot", r: 9 });
  const over = make(
    "svg:svg",
    { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" },
    lines, words, ...ellipses, hair, mean, dot,
  );
  const element = make("div", { class: "vl-plane" }, dots, over);

  function axes() {
    for (const t of scene.ticks[0]) {
      lines.append(make("svg:path", { d: `M${across(t)} 0V${SIDE}`, class: t ? "" : "vl-axis" }));
      words.append(make("svg:text", { x: across(t), y: SIDE - 6 }, String(t).replace("-", "−")));
    }
    for (const t of scene.ticks[1]) {
      lines.append(make("svg:path", { d: `M0 ${up(t)}H${SIDE}`, class: t ? "" : "vl-axis" }));
      words.append(make("svg:text", { x: 14, y: up(t) + 4 }, String(t).replace("-", "−")));
    }
    for (const r of scene.rings)
      lines.append(make("svg:circle", { cx: across(0), cy: up(0), r: r * unit, class: "vl-ring" }));
    words.append(
      make("svg:text", { x: SIDE - 12, y: SIDE - 22, class: "vl-name" }, nameOf(0)),
      make("svg:text", { x: 14, y: 20, class: "vl-name" }, nameOf(1)),
    );
  }

  /** Draws codes, x and y in turn, as parts of 65535 from corner to corner. */
  function cloud(points) {
    const context = dots.getContext("2d");
    context.clearRect(0, 0, dots.width, dots.height);
    context.globalAlpha = 0.45;
    for (let i = 0; i < points.length / 2; i++) {
      const [x, y] = [points[2 * i] / 65535, 1 - points[2 * i + 1] / 65535];
      context.fillStyle = scene.colours[scene.classes.getUint8(i) % scene.colours.length];
      context.beginPath();
      context.arc(x * 2 * SIDE, y * 2 * SIDE, 3.2, 0, 7);
      context.fill();
    }
  }

  function classes() {
    for (const [x, y, text] of scene.marks)
      words.append(make("svg:text", { x: across(x), y: up(y) + 6, class: "vl-class" }, text));
  }

  const inside = (v) => Math.max(0, Math.min(SIDE, v));
  const { buffer, byteOffset, byteLength } = scene.points;
  axes();
  cloud(new Uint16Array(buffer.slice(byteOffset, byteOffset + byteLength)));
  classes();
  return {
    element,
    cloud,
    /** The code under the pointer, within the plane. */
    codeAt(event) {
      const box = element.getBoundingClientRect();
      const part = (v) => Math.max(0, Math.min(1, v));
      return [
        low[0] + part((event.clientX - box.left) / box.width) * (high[0] - low[0]),
        high[1] - part((event.clientY - box.top) / box.height) * (high[1] - low[1]),
      ];
    },
    mark([x, y = 0]) {
      const px = inside(across(x)), py = inside(up(y));
      dot.setAttribute("cx", px);
      dot.setAttribute("cy", py);
      hair.setAttribute("d", `M${px} 0V${SIDE}M0 ${py}H${SIDE}`);
    },
    /** q(z|x): its mean, and where it lies within one and two sigma. */
    ellipse([x, y = 0], [sx, sy = 0]) {
      ellipses.forEach((ellipse, i) => {
        const k = (2 - i) * unit;
        const shape = { cx: across(x), cy: up(y), rx: k * sx, ry: k * sy, visibility: "visible" };
        for (const [name, value] of Object.entries(shape)) ellipse.setAttribute(name, value);
      });
      mean.setAttribute("d", `M${across(x) - 5} ${up(y)}h10m-5 -5v10`);
    },
  };
}

/** A picture or plane with its caption. */
export function figure(caption, ...children) {
  const words = make("figcaption", {}, caption);
  return { words, element: make("figure", { class: "vl-figure" }, ...children, words) };
}

export const showCode = (z) => `z = (${Array.from(z, say).join(", ")})`;
