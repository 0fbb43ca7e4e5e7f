// A question that is answered before its answer is computed; or that answer.
import { hear } from "./bind.js";
import { chartOf } from "./chart.js";
import { box, button, make, mount, publish } from "./elements.js";
import { minus } from "./numbers.js";
import { sliderOf, slidersOf } from "./slider.js";

// Without a kernel, question and answer meet here, by the question's text.
const guesses = (globalThis.vaelibGuesses ??= new EventTarget());

function render({ model, el }) {
  const asked = model.get("_asked"), { question, choices, words, truth } = asked;
  const alone = !model.widget_manager;
  const note = make("p", { role: "status" });
  const said = (v) => choices[v] ?? minus(+v.toPrecision(4)) + asked.unit;
  const tell = (name, v) => words[name].replace("{value}", () => said(v));
  const made = () => (alone ? guesses[question] : null) ?? model.get("guess");

  function commit(guess) {
    guesses[question] = guess;
    model.set("guess", guess);
    model.save_changes();
    guesses.dispatchEvent(new Event("guess"));
  }

  const part = truth === null ? questionOf(asked, said, commit) : answerOf(asked, tell, alone, () => show());
  const root = mount(el, "predict", question, box("predict", part.element, note));

  function show() {
    const guess = made(), told = part.show(guess);
    note.textContent = told ?? (guess === null ? "" : tell("guess", guess));
    publish(root, guess === null ? [] : [guess]);
  }

  guesses.addEventListener("guess", show);
  show();
  return hear(model, { guess: show }, () => guesses.removeEventListener("guess", show));
}

function questionOf({ question, choices, low, high, step, words }, said, commit) {
  let chosen;
  const name = `vl-${Math.random()}`;
  const send = button(words.commit, () => commit(chosen), { disabled: "" });
  const choose = (value) => {
    chosen = value;
    send.disabled = false;
  };
  const radios = choices.map((_, value) => make("input", { type: "radio", name, change: () => choose(value) }));
  const typed = make("input", {
    type: "number", min: low, max: high, step: "any", "aria-label": question,
    placeholder: `${minus(low)} … ${minus(high)}`,
    input: () => {
      send.disabled = true;
      if (typed.value && typed.validity.valid) move(+typed.value);
    },
  });
  const move = (value) => {
    if (document.activeElement !== typed) typed.value = +value.toPrecision(4);
    slider.show(value);
    choose(value);
  };
  const slider = sliderOf(question, { low, high, step, said, name: typed }, move);
  slider.show((low + high) / 2, "", "");
  const lines = radios.map((radio, i) => make("label", {}, radio, choices[i]));
  const element = make(
    "fieldset", {
      role: lines.length ? "radiogroup" : "group",
      keydown: ({ key, target }) => key === "Enter" && target !== send && send.click(),
    },
    make("legend", {}, question), ...(lines.length ? lines : [slidersOf(slider)]), send,
  );
  return {
    element,
    show(guess) {
      if (guess === null) return;
      element.disabled = true;
      if (radios.length) radios[guess].checked = true;
      else move(guess);
    },
  };
}

function answerOf({ question, choices, truth, low, high, ticks, words }, tell, alone, again) {
  let opened = !alone;
  const open = button(words.show, () => {
    opened = true;
    again();
  });
  const line = chartOf({ size: [600, 56], x: [low, high], y: [0, 1], ticks: [ticks, []], edge: [8, 16, 20, 16] });
  line.add("path", { class: "vl-truth", d: line.path([[truth, 0], [truth, 1]]) });
  const knob = line.knob(7);
  return {
    element: box("answer", make("p", {}, question), line.element, open),
    show(guess) {
      const waits = guess === null && !opened, number = !choices.length && !waits;
      open.hidden = !waits;
      line.element.style.display = number ? "" : "none";
      knob.dot.style.display = guess === null ? "none" : "";
      knob.move(guess ?? low, 0.5);
      if (waits) return words.waits;
      if (guess === null) return `${words.none} ${tell("answer", truth)}`;
      const verdict = !number ? words[guess === truth ? "right" : "wrong"] : tell("apart", Math.abs(guess - truth));
      return `${tell("guess", guess)} ${tell("answer", truth)} ${verdict}`;
    },
  };
}

export default { render };
