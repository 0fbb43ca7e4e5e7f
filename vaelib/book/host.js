// Makes the widgets of a page move: in the place of each still picture it puts the
// front end that JupyterLab runs, with what the lesson's kernel had told it last.
// Both come as classic scripts, all that a page opened from disk may load, and only
// when their place comes near the window.
(() => {
  const kept = (globalThis.vaelibBook ??= {});
  // The printed book keeps the pictures: nothing would be in its place in time.
  if (kept.host || /print\.html$/.test(location.pathname)) return;
  kept.host = true;
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const coming = {}, sheets = new Set();

  const load = (name) => (coming[name] ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = folder + name;
    script.onload = done;
    script.onerror = () => failed(new Error(`${name} did not load`));
    document.head.append(script);
  }));

  const bytesOf = (text) =>
    new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

  // See _Blocks in widgets.py.
  function floatsOf({ buffer }) {
    const scales = new Float32Array(buffer, 0, buffer.byteLength / 132);
    const parts = new Int16Array(buffer, scales.byteLength);
    return new DataView(Float32Array.from(parts, (part, i) => part * scales[i >> 6]).buffer);
  }

  // What a front end may ask of its model, as anywidget specifies it.
  function modelOf(state) {
    const heard = {};
    return {
      get: (name) => state[name],
      set(name, value) {
        state[name] = value;
        for (const f of heard["change:" + name] ?? []) f();
      },
      on: (event, f) => (heard[event] ??= new Set()).add(f),
      off: (event, f) => heard[event]?.delete(f),
      save_changes() {},
      send() {
        throw new Error("there is no kernel here");
      },
    };
  }

  async function enliven(place) {
    const { vlKind, vlState, vlParts } = place.dataset;
    await Promise.all([vlState, ...vlParts.split(" ")].map(load));
    const { render, style } = globalThis.vaelibWidgets[vlKind];
    if (!sheets.has(style)) {
      document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
      sheets.add(style);
    }
    const state = JSON.parse(JSON.stringify(kept[vlState]), (_, value) => {
      const text = value?.$bytes ?? value?.$blocks;
      if (text === undefined) return value;
      const bytes = bytesOf(kept[text] ?? text);
      return "$blocks" in value ? floatsOf(bytes) : bytes;
    });
    const el = document.createElement("div");
    render({ model: modelOf(state), el });
    place.replaceChildren(el);
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      enliven(target);
    }
  }, { rootMargin: "100%" });
  for (const place of document.querySelectorAll("[data-vl-state]")) {
    // A finger that drags a point would pull mdBook's side bar out with it.
    place.addEventListener("touchstart", (event) => event.stopPropagation(), { passive: true });
    near.observe(place);
  }
})();
