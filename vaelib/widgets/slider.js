// A slider: a real range input, its name and its number. Arrow keys go one step,
// with Shift ten; Home goes home.
import { box, make, put } from "./elements.js";
import { arrowOf } from "./hand.js";
import { clamp, say } from "./numbers.js";

/**
 * @param {string} label its name for screen readers
 * @param {object} plan
 *   low, high: its ends; step: of an arrow key; whole: nothing lies between steps;
 *   log: equal ways are equal factors, and `step` is one of log(value);
 *   home: where Home leads, or a function that knows (and may go there itself);
 *   inner: a band on its line, from and to; name: what stands before it, a text or
 *   an element; said: words for a value
 * @param {(value: number) => void} moved is told where the reader wants it
 * @param {() => void} rested when the reader lets go
 */
export function sliderOf(label, plan, moved, rested = () => {}) {
  const { low, high, step, whole, log, home, inner, name = label, said = say } = plan;
  const [to, from] = log ? [Math.log, Math.exp] : [Number, Number];
  const part = (v) => `${(100 * (to(v) - to(low))) / (to(high) - to(low))}%`;
  let value = low;
  const input = make("input", {
    type: "range", min: to(low), max: to(high), step: whole ? step : "any", "aria-label": label,
    style: inner ? `--from:${part(inner[0])};--to:${part(inner[1])}` : "",
    input: () => move(from(+input.value)), change: rested, keydown: press,
  });
  const number = make("span", { class: "vl-number" });
  const head = typeof name !== "string" ? name
    : make("span", { class: name.length < 4 ? "vl-name" : "", "aria-hidden": "true" }, name);

  /** The next key may come before the widget has shown this one's value. */
  function move(next) {
    value = next;
    moved(next);
  }

  function press(event) {
    const by = arrowOf(event)?.[1];
    const goesHome = event.key === "Home" && home !== undefined;
    if (!by && !goesHome) return;
    event.preventDefault();
    const next = by ? clamp(from(to(value) + by * step), low, high)
      : typeof home === "function" ? home() : home;
    if (next !== undefined) move(next);
  }

  return {
    input,
    number,
    row: [head, input, number],
    show(next, spoken = said(next), shown = said(next)) {
      value = next;
      input.value = to(clamp(value, low, high));
      put(input, { "aria-valuetext": spoken });
      number.textContent = shown;
    },
  };
}

/** Sliders below each other, in columns. */
export const slidersOf = (...sliders) =>
  box("sliders", ...sliders.flatMap(({ row }) => row));
