// Elements, words for numbers, and one way to tell Python: what every widget is
// made of.

/**
 * An element with its attributes; functions become listeners; "svg:" chooses
 * the other namespace.
 */
export function make(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
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

/** Three decimals, and no minus before a zero. */
export const round = (v) => Math.round(v * 1000) / 1000 + 0;

/** z₁, z₂, … */
export const nameOf = (i) =>
  "z" + String(i + 1).replace(/\d/g, (d) => String.fromCharCode(0x2080 + +d));

/** For people: two decimals and a true minus. */
export const say = (v) => (Math.round(v * 100) / 100 + 0).toFixed(2).replace("-", "−");

export const sayCode = (z) => Array.from(z, (v, i) => `${nameOf(i)} ${say(v)}`).join(", ");

export const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);

/** Publishes which code the picture on the screen belongs to. */
export function publish(root, z) {
  root.dataset.z = Array.from(z, (v) => round(v).toFixed(3)).join(",");
  root.dataset.frame = String(+root.dataset.frame + 1);
}

/**
 * Tells Python about values. While they move: every 100 ms if that disturbs
 * nobody, else only once they rest, so that a busy kernel draws pictures.
 * They are set and saved in one go: between the two, Jupyter's echo of an
 * earlier save would put the earlier value back.
 */
export function teller(model, inPage) {
  let timer = 0, news = {};
  function now() {
    clearTimeout(timer);
    timer = 0;
    const values = Object.entries(news);
    news = {};
    for (const [name, value] of values) model.set(name, value);
    if (values.length) model.save_changes();
  }
  return {
    now,
    soon(values) {
      Object.assign(news, values);
      if (!inPage()) clearTimeout(timer);
      if (!inPage() || !timer) timer = setTimeout(now, inPage() ? 100 : 250);
    },
  };
}
