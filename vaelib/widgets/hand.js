// The reader's hand: arrow keys, and a pointer that is followed until it lets go.

/** An arrow key's axis and steps, ten with Shift; of other keys nothing. */
export function arrowOf({ key, shiftKey }) {
  const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
  const [axis, sign] = ways[key] ?? [];
  return sign && [axis, shiftKey ? 10 * sign : sign];
}

/** Where the pointer is, in parts of an element's width and height. */
export function placeIn(element, { clientX, clientY }) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height];
}

/**
 * Follows the pointer from its press to its release, wherever it goes.
 * @param {(event) => any} grab is called first; false: nothing moves by the press
 * @returns {() => boolean} whether it is held just now
 */
export function draggable(element, { grab = () => true, drag, rested = () => {} }) {
  let held = false;
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    held = true;
    if (grab(event) !== false) drag(event);
  });
  element.addEventListener("pointermove", (event) => held && drag(event));
  element.addEventListener("lostpointercapture", () => {
    held = false;
    rested();
  });
  return () => held;
}
