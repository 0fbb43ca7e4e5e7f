// The latent plane of a two-dimensional model: drag the point, see its decoding.
import { evaluator, make, mount, publish, same, teller } from "./controls.js";
import { figure, pictureOf, showCode } from "./drawing.js";
import { padOf } from "./pad.js";

function render({ model, el }) {
  let z = model.get("z").slice();
  const picture = pictureOf(model.get("_picture"), "decoded", "The picture decoded from the point");
  const pad = padOf("", {
    moved(next) {
      place(next);
      python.soon({ z });
    },
    rested: () => python.now(),
  });
  const left = figure("Drag, or use the arrow keys", pad.element);
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
    pad.furnish(model.get("_scene"));
    place(z);
  }

  /** Puts the point at z and asks for its picture. */
  function place(next) {
    z = next;
    pad.show(z);
    decode.ask(z);
  }

  function fromPython() {
    const next = model.get("z");
    if (!pad.dragging() && !same(next, z)) place(next.slice());
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
