// One slider for each latent dimension, and the decoding.
import { bind, hear } from "./bind.js";
import { floats } from "./bytes.js";
import { pictureOf } from "./drawing.js";
import { box, button, figure, mount, publish } from "./elements.js";
import { evaluator } from "./evaluator.js";
import { nameOf, round } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

function render({ model, el }) {
  let sliders, turn = 0;
  const picture = pictureOf(model.get("_picture"), "decoded", "The picture decoded from the sliders");
  const list = box("list");
  const move = (z) => state.set({ z: z.map(round) });
  const root = mount(
    el, "latent-sliders", "Latent sliders",
    box("row",
      box("panel", list,
        box("buttons", button("Reset", () => move(state.now.z.map(() => 0))), button("Random", random))),
      figure("", picture.canvas)),
  );
  const decode = evaluator(model, "decoder", root, (pixels, code) => {
    picture.paint(pixels);
    publish(root, code);
  });
  const state = bind(model, ["z"], ({ z }) => {
    sliders.forEach((slider, i) => slider.show(z[i]));
    decode.ask(z);
  }, decode);

  function furnish() {
    const { low, high, inner, step } = model.get("_ranges");
    sliders = state.now.z.map((_, i) => sliderOf(nameOf(i), {
      low: low[i], high: high[i], step: step[i], inner: [inner[0][i], inner[1][i]], home: 0,
    }, (v) => move(state.now.z.with(i, v)), state.rest));
    list.replaceChildren(slidersOf(...sliders));
    state.show();
  }

  function random() {
    const bank = floats(model.get("_ranges").bank), size = state.now.z.length;
    const start = (turn++ * size) % bank.length;
    move(Array.from(bank.subarray(start, start + size)));
  }

  furnish();
  return hear(model, { _ranges: furnish }, state.stop, decode.stop);
}

export default { render };
