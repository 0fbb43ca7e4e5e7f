// A latent plane with a point on it: dragged, or moved by keys.
import { make, put } from "./elements.js";
import { arrowOf, draggable } from "./hand.js";
import { clamp, nameOf, round, sayCode } from "./numbers.js";
import { planeOf } from "./plane.js";

/**
 * The pad knows where its point is shown and who is asked when it should move;
 * where it then goes is for `moved` to say, by calling `show`.
 * @param {string} name stands before z₁ and z₂ where there are several pads
 * @param {{moved: Function, rested: Function, walk?: Function}} told
 *   moved(z): the reader wants the point at z; rested(): has let go;
 *   walk(z, axis, steps): where an arrow key leads, if not that many steps on
 */
export function padOf(name, { moved, rested, walk }) {
  let scene, plane, z;
  const inputs = [0, 1].map((i) =>
    make("input", {
      type: "range", step: "any", class: "vl-hidden", tabindex: i ? -1 : 0,
      "aria-label": `${name} ${nameOf(i)}`.trim(), "aria-roledescription": "2-D slider",
      "aria-orientation": i ? "vertical" : "horizontal",
      input: (event) => move(z.with(i, +event.target.value)),
    }),
  );
  const element = make("div", { class: "vl-pad", keydown: press });
  const dragging = draggable(element, {
    grab: () => inputs[0].focus({ preventScroll: true }),
    drag: (event) => move(plane.codeAt(event)),
    rested,
  });

  const move = (next) => moved(next.map(round));

  /** So many of the plane's steps on from a place. */
  function step(at, i, steps) {
    return at.with(i, clamp(at[i] + steps * scene.step, scene.low[i], scene.high[i]));
  }

  function press(event) {
    const [i, steps] = arrowOf(event) ?? [];
    if (steps) {
      inputs[i].focus({ preventScroll: true });
      move((walk ?? step)(z, i, steps));
    } else if (event.key === "Home") move([0, 0]);
    else return;
    event.preventDefault();
  }

  return {
    element,
    dragging,
    step,
    /** Draws the plane anew, and gives it. */
    furnish(next) {
      scene = next;
      plane = planeOf(scene);
      inputs.forEach((input, i) => put(input, { min: scene.low[i], max: scene.high[i] }));
      element.replaceChildren(plane.element, ...inputs);
      return plane;
    },
    /** Puts the point at `next`; `words` say more of it to a screen reader. */
    show(next, words = "") {
      z = next;
      plane.point(z);
      inputs.forEach((input, i) => {
        input.value = z[i];
        put(input, { "aria-valuetext": sayCode(z) + words });
      });
    },
  };
}
