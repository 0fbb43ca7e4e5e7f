// The maps of two networks, and what a place of one depends on in those before it.
import { bind, hear } from "./bind.js";
import { box, make, menuOf, mount, publish } from "./elements.js";
import { draggable, placeIn } from "./hand.js";
import { clamp } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

/** Rows and columns of a map; all that is no picture is one column, and one place. */
const sizeOf = ({ seen }) => [seen.length, seen[0].length];
const isPicture = ({ shape }) => shape.length === 3;

/** Rows and columns of each map up to `at` on which its place depends: [true, …], twice. */
export function fieldsOf(maps, [at, ...place]) {
  const fields = [];
  fields[at] = sizeOf(maps[at]).map((size, side) =>
    Array.from({ length: size }, (_, i) => !isPicture(maps[at]) || i === place[side]));
  for (let k = at; k > 0; k--) {
    const before = sizeOf(maps[k - 1]);
    fields[k - 1] = [maps[k].rows, maps[k].columns].map((reach, side) =>
      Array.from({ length: before[side] }, (_, i) =>
        !reach || reach.some((row, j) => fields[k][side][j] && row[i] === "1")));
  }
  return fields;
}

const countOf = (sides) => sides.map((side) => side.filter(Boolean).length);

/** Light orange where a place is lit, and darker where it is not. */
function paintMap(canvas, { seen }, field) {
  const context = canvas.getContext("2d"), [high, wide] = [seen.length, seen[0].length];
  const image = context.createImageData(wide, high);
  seen.forEach((row, i) => row.forEach((v, j) => {
    const lit = field && field[0][i] && field[1][j], k = 4 * (i * wide + j);
    const rgb = lit ? [120 + 0.53 * v, 60 + 0.7 * v, 20 + 0.75 * v] : [0.75 * v, 0.75 * v, 0.75 * v];
    rgb.concat(255).forEach((c, n) => { image.data[k + n] = c; });
  }));
  context.putImageData(image, 0, 0);
}

/** A map with its words; a frame is drawn around what is lit in it. */
function mapOf(stage, number, touched) {
  const [high, wide] = sizeOf(stage), total = stage.parameters.toLocaleString("en");
  const canvas = make("canvas", {
    width: wide, height: high, class: "vl-picture", role: "img",
    "aria-label": `map ${number}: ${stage.name}, ${stage.shape.join(" × ")}, ${total} parameters`,
  });
  const frame = box("frame"), pad = box("pad", canvas, frame);
  pad.style.width = isPicture(stage) ? `${44 + 3.5 * wide}px` : "22px";
  pad.style.height = isPicture(stage) ? "" : "100px";
  const rest = draggable(pad, { ...touched, drag: (event) => touched.drag(placeIn(pad, event)) });
  return {
    rest,
    element: make("figure", { class: "vl-map" }, pad, make("figcaption", {},
      make("b", {}, stage.shape.join("×")), make("span", {}, stage.name),
      make("span", {}, stage.parameters ? `${total} parameters` : "no parameters"))),
    show(field) {
      paintMap(canvas, stage, field);
      frame.hidden = !field || !isPicture(stage);
      if (frame.hidden) return;
      ["top", "left"].forEach((edge, side) => {
        const size = field[side].length, first = field[side].indexOf(true);
        const count = field[side].lastIndexOf(true) + 1 - first;
        frame.style[edge] = `${(100 * first) / size}%`;
        frame.style[side ? "width" : "height"] = `${(100 * count) / size}%`;
      });
    },
  };
}

function render({ model, el }) {
  const scene = model.get("_scene"), names = Object.keys(scene);
  let maps = [], drawn = [], shown = "";
  const menu = menuOf("Network", (i) => state.set({ network: names[i], place: middleOf(names[i]) }));
  menu.offer(names);
  const row = box("maps"), words = make("p", { class: "vl-words-line" }), places = box("places");
  const root = mount(el, "receptive-field", "Two networks and what a place depends on",
    box("buttons", menu.element), row, places, words);
  let sliders = [];
  const state = bind(model, ["network", "place"], show, { busy: () => drawn.some(({ rest }) => rest()) });

  function middleOf(name) {
    const last = scene[name].length - 1;
    return [last, ...sizeOf(scene[name][last]).map((side) => Math.floor(side / 2))];
  }

  /** A place on the map that is asked for: the nearest there is. */
  function move(at, ...place) {
    const size = isPicture(maps[at]) ? sizeOf(maps[at]) : [1, 1];
    state.set({ place: [at, ...place.map((v, side) => clamp(Math.floor(v), 0, size[side] - 1))] });
  }

  function furnish(name) {
    shown = name;
    maps = scene[name];
    menu.element.value = names.indexOf(name);
    drawn = maps.map((stage, k) => mapOf(stage, k, {
      drag: (part) => move(k, ...[1, 0].map((axis, side) => part[axis] * sizeOf(stage)[side])),
      rested: () => state.rest(),
    }));
    row.replaceChildren(...drawn.map(({ element }) => element));
    const most = Math.max(...maps.filter(isPicture).flatMap(sizeOf));
    sliders = ["map", "row", "column"].map((label, k) => sliderOf(label,
      { low: 0, high: k ? most - 1 : maps.length - 1, step: 1, whole: true, said: String,
        name: make("span", { "aria-hidden": "true" }, label) },
      (v) => move(...state.now.place.with(k, v)), () => state.rest()));
    places.replaceChildren(slidersOf(...sliders));
  }

  function show({ network, place }) {
    if (network !== shown) furnish(network);
    const fields = fieldsOf(maps, place), [high, wide] = countOf(fields[0]), stage = maps[place[0]];
    drawn.forEach((map, k) => map.show(fields[k]));
    const where = isPicture(stage) ? `Row ${place[1]}, column ${place[2]} of map ${place[0]}` : `Each number of map ${place[0]}`;
    const told = `${where} (${stage.name}) depends on ${high} × ${wide} pixels of the input.`;
    words.textContent = told;
    sliders.forEach((slider, k) => slider.show(place[k], `${place[k]}. ${told}`));
    publish(root, place, { network, field: `${high},${wide}` });
  }

  state.show();
  return hear(model, {}, state.stop);
}

export default { render };
