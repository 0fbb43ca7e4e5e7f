// The latent plane of a two-dimensional model: drag the point, see its decoding.
import { bind, hear } from "./bind.js";
import { pictureOf } from "./drawing.js";
import { box, figure, make, mount, publish } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { showCode } from "./numbers.js";
import { padOf } from "./pad.js";

function render({ model, el }) {
  const picture = pictureOf(model.get("_picture"), "decoded", "The picture decoded from the point");
  const pad = padOf("", { moved: (z) => state.set({ z }), rested: () => state.rest() });
  const words = make("figcaption");
  const root = mount(
    el, "latent-pad", "Latent pad",
    box("row", figure("Drag, or use the arrow keys", pad.element), figure(words, picture.canvas)),
  );
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    picture.paint(pixels);
    words.textContent = showCode(code);
    publish(root, code);
  });
  const state = bind(model, ["z"], ({ z }) => {
    pad.show(z);
    decode.ask(z);
  }, { inPage: decode.inPage, busy: pad.dragging });

  function furnish() {
    pad.furnish(model.get("_scene"));
    state.show();
  }

  furnish();
  return hear(model, { _scene: furnish }, state.stop, decode.stop);
}

export default { render };
