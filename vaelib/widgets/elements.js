// Elements: what every widget is made of, and what it says of itself.
import { round } from "./numbers.js";

/**
 * An element with its attributes; functions become listeners; "svg:" chooses
 * the other namespace.
 */
export function make(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  put(element, attributes);
  element.append(...children);
  return element;
}

/** The same for an element that there is. */
export function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value);
  }
}

/** A div of one of our classes: box("row", …). */
export const box = (name, ...children) => make("div", { class: `vl-${name}` }, ...children);

export const button = (text, click, attributes) =>
  make("button", { type: "button", click, ...attributes }, text);

/** A menu; `changed` is told the number of the name that was chosen. */
export function menuOf(label, changed) {
  const element = make("select", { "aria-label": label, change: () => changed(+element.value) });
  return {
    element,
    offer: (names) =>
      element.replaceChildren(...names.map((name, i) => make("option", { value: i }, name))),
  };
}

/** Something with its caption, which is a text or a figcaption of one's own. */
export const figure = (caption, ...children) =>
  make("figure", { class: "vl-figure" }, ...children,
    typeof caption === "string" ? make("figcaption", {}, caption) : caption);

/** A line for what must be said; nothing to say hides it. */
export function noteOf() {
  const element = make("p", { class: "vl-note" });
  return {
    element,
    say(text = "", alarm = false) {
      element.textContent = text;
      element.hidden = !text;
      if (alarm) element.setAttribute("role", "alert");
      else element.removeAttribute("role");
    },
  };
}

/** The widget's root: says what it is, and keeps its keys to itself. */
export function mount(el, kind, label, ...children) {
  const root = make(
    "div",
    {
      class: "vl",
      role: "group",
      "aria-label": label,
      "data-vl": kind,
      "data-frame": "0",
      "data-lm-suppress-shortcuts": "true",
      keydown: (event) => event.stopPropagation(),
    },
    ...children,
  );
  el.append(root);
  return root;
}

/** Publishes which code the picture on the screen belongs to, and what else there is. */
export function publish(root, z, more = {}) {
  Object.assign(root.dataset, more);
  root.dataset.z = Array.from(z, (v) => round(v).toFixed(3)).join(",");
  root.dataset.frame = String(+root.dataset.frame + 1);
}
