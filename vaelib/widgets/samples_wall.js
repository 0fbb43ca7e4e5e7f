// A wall of pictures decoded from draws of the prior.
import { evaluator, floats, make, mount, publish, say, sayCode, teller } from "./was_controls.js";
import { figure, pictureOf } from "./was_drawing.js";
import { tilesOf } from "./was_tiles.js";

/** The codes on one wall: draws, scaled about their middle by the temperature. */
export function wallCodes({ bank, middle, size }, wall, count, temperature) {
  const start = wall * count * size;
  return Array.from({ length: count * size }, (_, i) =>
    middle[i % size] + temperature * (bank[start + i] - middle[i % size]));
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

function render({ model, el }) {
  const { columns, count, walls, words } = model.get("_wall");
  const format = model.get("_picture");
  let source, tile = model.get("tile"), wall = model.get("wall");
  let temperature = model.get("temperature"), codes;
  const tiles = tilesOf(format, count, columns, "wall", `${count} decoded draws`);
  const picture = pictureOf(format, "decoded", "The chosen picture, enlarged");
  const chosen = make("div", { class: "vl-chosen" });
  const choose = make("input", {
    type: "range", min: 0, max: count - 1, step: 1, class: "vl-hidden",
    "aria-label": "Chosen picture", input: () => pick(+choose.value), keydown: press,
  });
  const frame = make("div", { class: "vl-tiles", pointerdown: point }, tiles.canvas, chosen, choose);
  const heat = make("input", {
    type: "range", min: 0, max: 3, step: 0.05, "aria-label": "Temperature",
    style: "--from:0%;--to:33.3%",
    input: () => set({ temperature: +heat.value }), change: () => python.now(),
  });
  const number = make("span", { class: "vl-number" });
  const fresh = make("button", { type: "button", click: next }, "New samples");
  const left = figure("", frame);
  left.element.classList.add("vl-panel");
  left.element.append(
    make("div", { class: "vl-sliders" },
      make("span", { "aria-hidden": "true" }, "temperature"), heat, number),
    make("div", { class: "vl-buttons" }, fresh),
  );
  const right = figure("", picture.canvas);
  const root = mount(
    el, "samples-wall", "A wall of samples",
    make("div", { class: "vl-row" }, left.element, right.element),
  );
  const decode = evaluator(model, "decoder", root, (pixels, given) => {
    const size = source.size, part = pixels.length / count;
    tiles.paint(pixels);
    picture.paint(pixels.subarray(tile * part, (tile + 1) * part));
    publish(root, given.slice(tile * size, (tile + 1) * size));
    Object.assign(root.dataset, { wall, tile, temperature });
  }, model.get("z").length);
  const python = teller(model, decode.inPage);

  function furnish() {
    const { bank, middle } = model.get("_bank");
    source = { bank: floats(bank), middle: floats(middle), size: middle.byteLength / 4 };
    show();
  }

  function show() {
    const size = source.size;
    codes = wallCodes(source, wall, count, temperature);
    const z = codes.slice(tile * size, (tile + 1) * size);
    const [column, row] = [tile % columns, Math.floor(tile / columns)];
    chosen.style.left = `${(100 * column) / columns}%`;
    chosen.style.top = `${(100 * row) / tiles.rows}%`;
    chosen.style.width = `${100 / columns}%`;
    chosen.style.height = `${100 / tiles.rows}%`;
    choose.value = tile;
    choose.setAttribute("aria-valuetext", `picture ${tile + 1} of ${count}: ${sayCode(z)}`);
    heat.value = temperature;
    heat.setAttribute("aria-valuetext", say(temperature));
    number.textContent = say(temperature);
    left.words.textContent = words;
    const length = Math.hypot(...z.map((v, i) => v - source.middle[i]));
    right.words.textContent = `picture ${tile + 1}, ${say(length)} from the middle`;
    decode.ask(codes);
    return z;
  }

  function set(news) {
    ({ tile = tile, wall = wall, temperature = temperature } = news);
    python.soon({ ...news, z: show() });
  }

  function next() {
    set({ wall: (wall + 1) % walls });
    python.now();
  }

  function pick(i) {
    set({ tile: i });
    python.now();
  }

  function point(event) {
    if (event.button) return;
    event.preventDefault();
    choose.focus({ preventScroll: true });
    const box = tiles.canvas.getBoundingClientRect();
    pick(tiles.at((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
  }

  function press(event) {
    const by = STEPS[event.key] ?? { ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (!by) return;
    event.preventDefault();
    const to = tile + by;
    if (to >= 0 && to < count) pick(to);
  }

  function fromPython() {
    const now = ["tile", "wall", "temperature"].map((name) => model.get(name));
    if (now.join() === [tile, wall, temperature].join()) return;
    [tile, wall, temperature] = now;
    show();
  }

  furnish();
  const events = ["change:tile", "change:wall", "change:temperature"];
  events.forEach((event) => model.on(event, fromPython));
  model.on("change:_bank", furnish);
  return () => {
    decode.stop();
    events.forEach((event) => model.off(event, fromPython));
    model.off("change:_bank", furnish);
  };
}

export default { render };
