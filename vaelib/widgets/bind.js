// Traits in the page: what the reader changes is shown and told to Python; what
// Python changes is shown. And one way to stop it all.

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

/**
 * Listens to traits, and to what has a colon in its name; returns how to stop
 * that, and all else that has to end with it.
 */
export function hear(model, listeners, ...ends) {
  const heard = Object.entries(listeners).map(([name, f]) =>
    [name.includes(":") ? name : "change:" + name, f]);
  for (const [event, f] of heard) model.on(event, f);
  return () => {
    for (const [event, f] of heard) model.off(event, f);
    for (const end of ends) end();
  };
}

/** Calls `paint` once in the next frame, however often it is asked. */
export function perFrame(paint) {
  let frame;
  const ask = () => {
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      paint();
    });
  };
  ask.stop = () => cancelAnimationFrame(frame);
  return ask;
}

/**
 * Holds the traits `names` as the page shows them, in `now`; they are replaced,
 * never changed in place.
 * @param {(now: object) => object | void} show shows them; what it returns
 *   (traits that follow from them) is told to Python with the reader's changes
 * @param {{inPage?: () => boolean, busy?: (name: string) => boolean}} when inPage: telling
 *   disturbs nobody; busy: the reader's hand is on it, and Python has to wait
 */
export function bind(model, names, show, { inPage = () => true, busy = () => false } = {}) {
  const now = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const python = teller(model, inPage);
  const changed = ([name, value]) => String(value) !== String(now[name]);
  return {
    now,
    show: () => show(now),
    /** The reader's change. */
    set(wanted) {
      const news = Object.fromEntries(Object.entries(wanted).filter(changed));
      if (!Object.keys(news).length) return;
      Object.assign(now, news);
      python.soon({ ...news, ...show(now) });
    },
    /** Traits that need not be shown. */
    tell: python.soon,
    /** The reader let go: Python hears it at once. */
    rest: python.now,
    stop: hear(model, Object.fromEntries(names.map((name) => [name, () => {
      const value = model.get(name);
      if (busy(name) || !changed([name, value])) return;
      now[name] = value;
      show(now);
    }]))),
  };
}
