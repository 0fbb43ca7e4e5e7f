// A wall of pictures decoded from draws of the prior.
import { bind, hear } from "./bind.js";
import { floats } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, make, mount, publish, put } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { arrowOf, placeIn } from "./hand.js";
import { clamp, say, sayCode } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

/** The codes on one wall: draws, scaled about their middle by the temperature. */
export function wallCodes({ bank, middle, size }, wall, count, temperature) {
  const start = wall * count * size;
  return Array.from({ length: count * size }, (_, i) =>
    middle[i % size] + temperature * (bank[start + i] - middle[i % size]));
}

function render({ model, el }) {
  const { columns, count, walls, words } = model.get("_wall");
  const format = model.get("_picture");
  let source;
  const tiles = pictureOf(format, "wall", `${count} decoded draws`, count, columns);
  const picture = pictureOf(format, "decoded", "The chosen picture, enlarged");
  const chosen = box("chosen");
  const choose = make("input", {
    type: "range", min: 0, max: count - 1, step: 1, class: "vl-hidden",
    "aria-label": "Chosen picture", input: () => pick(+choose.value), keydown: press,
  });
  const frame = make("div", { class: "vl-tiles", pointerdown: point }, tiles.canvas, chosen, choose);
  const heat = sliderOf("Temperature", { low: 0, high: 3, step: 0.05, whole: true, home: 0, inner: [0, 1], name: "temperature" },
    (temperature) => state.set({ temperature }), () => state.rest());
  const left = figure(words, frame), about = make("figcaption");
  left.classList.add("vl-panel");
  left.append(slidersOf(heat), box("buttons", button("New samples", () => settle({ wall: (state.now.wall + 1) % walls }))));
  const root = mount(el, "samples-wall", "A wall of samples", box("row", left, figure(about, picture.canvas)));
  const part = (list, tile) => list.slice((tile * list.length) / count, ((tile + 1) * list.length) / count);
  const decode = evaluator(model, "decoder", root, (pixels, given) => {
    const { tile } = state.now;
    tiles.paint(pixels);
    picture.paint(part(pixels, tile));
    publish(root, part(given, tile), state.now);
  }, model.get("z").length);
  const state = bind(model, ["tile", "wall", "temperature"], ({ tile, wall, temperature }) => {
    const codes = wallCodes(source, wall, count, temperature), z = part(codes, tile);
    Object.assign(chosen.style, {
      left: `${(100 * (tile % columns)) / columns}%`, width: `${100 / columns}%`,
      top: `${(100 * Math.floor(tile / columns)) / tiles.rows}%`, height: `${100 / tiles.rows}%`,
    });
    choose.value = tile;
    put(choose, { "aria-valuetext": `picture ${tile + 1} of ${count}: ${sayCode(z)}` });
    heat.show(temperature);
    const length = Math.hypot(...z.map((v, i) => v - source.middle[i]));
    about.textContent = `picture ${tile + 1}, ${say(length)} from the middle`;
    decode.ask(codes);
    return { z };
  }, decode);

  function settle(news) {
    state.set(news);
    state.rest();
  }

  const pick = (tile) => settle({ tile });

  function point(event) {
    if (event.button) return;
    event.preventDefault();
    choose.focus({ preventScroll: true });
    const [x, y] = placeIn(tiles.canvas, event);
    const within = (v, n) => clamp(Math.floor(v * n), 0, n - 1);
    pick(Math.min(count - 1, within(y, tiles.rows) * columns + within(x, columns)));
  }

  function press(event) {
    const [axis, steps] = arrowOf(event) ?? [];
    if (!steps) return;
    event.preventDefault();
    const to = state.now.tile + Math.sign(steps) * (axis ? -columns : 1);
    if (to >= 0 && to < count) pick(to);
  }

  function furnish() {
    const [bank, middle] = ["bank", "middle"].map((name) => floats(model.get("_bank")[name]));
    source = { bank, middle, size: middle.length };
    state.show();
  }

  furnish();
  return hear(model, { _bank: furnish }, state.stop, decode.stop);
}

export default { render };
