// A latent plane with a point on it: dragged, or moved by keys.
import { make, nameOf, round, same, sayCode } from "./was_elements.js";
import { planeOf } from "./was_drawing.js";

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };

/**
 * The pad knows where its point is shown and who is asked when it should move;
 * where it then goes is for `moved` to say, by calling `show`.
 * @param {string} name stands before z₁ and z₂ where there are several pads
 * @param {{moved: Function, rested: Function, walk?: Function}} told
 *   moved(z): the reader wants the point at z; rested(): has let go;
 *   walk(z, i, sign, long): where an arrow key leads, if not one step on
 */
export function padOf(name, { moved, rested, walk }) {
  let scene, plane, z, dragging = false;
  const inputs = [0, 1].map((i) =>
    make("input", {
      type: "range", step: "any", class: "vl-hidden", tabindex: i ? -1 : 0,
      "aria-label": `${name} ${nameOf(i)}`.trim(), "aria-roledescription": "2-D slider",
      "aria-orientation": i ? "vertical" : "horizontal",
      input: (event) => move(z.map((v, k) => (k === i ? +event.target.value : v))),
    }),
  );
  const element = make("div", {
    class: "vl-pad", keydown: press,
    pointerdown: grab, pointermove: drag, lostpointercapture: release,
  });

  function move(next) {
    const rounded = next.map(round);
    if (!same(rounded, z)) moved(rounded);
  }

  function step(at, i, sign, long) {
    const by = sign * scene.step * (long ? 10 : 1);
    const inside = Math.max(scene.low[i], Math.min(scene.high[i], at[i] + by));
    return at.map((v, k) => (k === i ? inside : v));
  }

  function grab(event) {
    if (event.button) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    dragging = true;
    inputs[0].focus({ preventScroll: true });
    drag(event);
  }

  function drag(event) {
    if (dragging) move(plane.codeAt(event));
  }

  function release() {
    dragging = false;
    rested();
  }

  function press(event) {
    if (event.key === "Home") move([0, 0]);
    else if (event.key in ARROWS) {
      const [i, sign] = ARROWS[event.key];
      inputs[i].focus({ preventScroll: true });
      move((walk ?? step)(z, i, sign, event.shiftKey));
    } else return;
    event.preventDefault();
  }

  return {
    element,
    dragging: () => dragging,
    /** Draws the plane anew. */
    furnish(next) {
      scene = next;
      plane = planeOf(scene);
      inputs.forEach((input, i) => {
        input.min = scene.low[i];
        input.max = scene.high[i];
      });
      element.replaceChildren(plane.element, ...inputs);
    },
    /** Puts the point at `next`; `words` say more of it to a screen reader. */
    show(next, words = "") {
      z = next;
      plane.mark(z);
      inputs.forEach((input, i) => {
        input.value = z[i];
        input.setAttribute("aria-valuetext", sayCode(z) + words);
      });
    },
  };
}
