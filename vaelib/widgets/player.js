// A button that sets something going, frame by frame, until it ends or is stopped.
import { button } from "./elements.js";

/**
 * @param {() => (now: number) => boolean} start makes what is done in each frame;
 *   it says whether there is more to come
 * @param {() => void} rested is called when it stands still again
 */
export function playerOf(text, stopping, start, rested) {
  let frame;
  const element = button(text, () => (frame ? stop() : begin()));

  function begin() {
    const turn = start();
    element.textContent = stopping;
    frame = requestAnimationFrame(function next(now) {
      frame = turn(now) && frame && requestAnimationFrame(next);
      if (!frame) stop(true);
    });
  }

  function stop(ended) {
    if (!frame && !ended) return;
    cancelAnimationFrame(frame);
    frame = 0;
    element.textContent = text;
    rested();
  }

  return { element, stop: () => stop(), playing: () => Boolean(frame) };
}
