// The latent plane of a two-dimensional model: drag the point, see its decoding.
import {
  evaluator, make, mount, nameOf, publish, round, same, sayCode, teller,
} from "./controls.js";
import { figure, pictureOf, planeOf, showCode } from "./drawing.js";

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };

function render({ model, el }) {
  let z = model.get("z").slice();
  let plane, dragging = false;
  const picture = pictureOf(model.get("_picture"), "decoded", "The picture decoded from the point");
  const inputs = [0, 1].map((i) =>
    make("input", {
      type: "range", step: "any", class: "vl-hidden", tabindex: i ? -1 : 0,
      "aria-label": nameOf(i), "aria-roledescription": "2-D slider",
      "aria-orientation": i ? "vertical" : "horizontal",
      input: (event) => move(z.map((v, k) => (k === i ? +event.target.value : v))),
    }),
  );
  const pad = make("div", {
    class: "vl-pad", keydown: press,
    pointerdown: grab, pointermove: drag, lostpointercapture: release,
  });
  const left = figure("Drag, or use the arrow keys", pad);
  const right = figure("", picture.canvas);
  const root = mount(
    el, "latent-pad", "Latent pad",
    make("div", { class: "vl-row" }, left.element, right.element),
  );
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    picture.paint(pixels);
    right.words.textContent = showCode(code);
    publish(root, code);
  });
  const python = teller(model, decode.inPage);

  function furnish() {
    const scene = model.get("_scene");
    plane = planeOf(scene);
    inputs.forEach((input, i) => {
      input.min = scene.low[i];
      input.max = scene.high[i];
    });
    pad.replaceChildren(plane.element, ...inputs);
    place(z);
  }

  /** Puts the point at z and asks for its picture. */
  function place(next) {
    z = next;
    plane.mark(z);
    inputs.forEach((input, i) => {
      input.value = z[i];
      input.setAttribute("aria-valuetext", sayCode(z));
    });
    decode.ask(z);
  }

  function move(next) {
    const rounded = next.map(round);
    if (same(rounded, z)) return;
    place(rounded);
    python.soon({ z: rounded });
  }

  function grab(event) {
    if (event.button) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    dragging = true;
    inputs[0].focus({ preventScroll: true });
    drag(event);
  }

  function drag(event) {
    if (dragging) move(plane.codeAt(event));
  }

  function release() {
    dragging = false;
    python.now();
  }

  function press(event) {
    const { low, high, step } = model.get("_scene");
    if (event.key === "Home") move([0, 0]);
    else if (event.key in ARROWS) {
      const [i, sign] = ARROWS[event.key];
      const by = sign * step * (event.shiftKey ? 10 : 1);
      inputs[i].focus({ preventScroll: true });
      move(z.map((v, k) => (k === i ? Math.max(low[i], Math.min(high[i], v + by)) : v)));
    } else return;
    event.preventDefault();
  }

  function fromPython() {
    const next = model.get("z");
    if (!dragging && !same(next, z)) place(next.slice());
  }

  furnish();
  model.on("change:z", fromPython);
  model.on("change:_scene", furnish);
  return () => {
    decode.stop();
    model.off("change:z", fromPython);
    model.off("change:_scene", furnish);
  };
}

export default { render };
