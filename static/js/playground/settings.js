// The parameters of a request: each has a default, a reset, and is sent only when it was changed.

import { count } from "./words.js";

const MOST_STOPS = 4;
const RANGES = ["temperature", "top_p", "max_tokens"];
const NOTHING = { system: "", temperature: 1, top_p: 1, max_tokens: null, seed: null, stop: [], stream: true };

/** What a person typed for a stop sequence: \n and \t stand for a new line and a tab. */
const unescaped = (text) => text.replace(/\\([nt\\])/g, (_, char) => ({ n: "\n", t: "\t", "\\": "\\" })[char]);
const escaped = (text) => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t");

export class Settings {
  constructor(root, modelSelect, onChange) {
    this.root = root;
    this.select = modelSelect;
    this.onChange = onChange;
    this.values = { ...NOTHING };
    this.wrong = {};
    this.bind();
  }

  at(name) {
    return this.root.querySelector(`[name="${name}"]`);
  }

  bind() {
    this.select.addEventListener("change", () => this.modelChanged());
    this.at("system").addEventListener("input", (event) => this.set("system", event.target.value));
    for (const name of RANGES) {
      this.at(name).addEventListener("change", (event) => this.typed(name, event.target.value));
      this.at(`${name}_range`).addEventListener("input", (event) => this.set(name, Number(event.target.value)));
    }
    this.at("seed").addEventListener("change", (event) => this.typedSeed(event.target.value.trim()));
    this.at("stream").addEventListener("change", (event) => this.set("stream", event.target.checked));
    this.at("stop").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.addStop();
    });
    this.root.querySelector("[data-add-stop]").addEventListener("click", () => this.addStop());
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-reset], [data-remove-stop]");
      if (!button) return;
      if (button.dataset.reset) this.reset(button.dataset.reset, button);
      else this.removeStop(Number(button.dataset.removeStop));
    });
  }

  // ---------------------------------------------------------------- the model

  get model() {
    return this.select.value;
  }

  get facts() {
    const option = this.select.selectedOptions[0];
    return option ? option.dataset : {};
  }

  get mostOutput() {
    return Number(this.facts.maxOutput) || 1;
  }

  modelChanged() {
    const most = this.mostOutput;
    if (this.values.max_tokens !== null && this.values.max_tokens > most) this.values.max_tokens = most;
    delete this.wrong.model;
    this.show();
    this.onChange();
  }

  // ---------------------------------------------------------------- changing

  set(name, value) {
    this.values[name] = value;
    delete this.wrong[name];
    this.show();
    this.onChange();
  }

  typed(name, text) {
    const { min, max, step } = this.at(`${name}_range`);
    const number = text.trim() === "" ? NOTHING[name] : Number(text.replace(",", "."));
    const whole = step !== "1" || Number.isInteger(number);
    if (number !== null && !(whole && number >= Number(min) && number <= Number(max))) {
      const kind = step === "1" ? "a whole number" : "a number";
      this.mark(name, `${this.at(name).labels[0].textContent} is ${kind} from ${min} to ${count(Number(max))}.`);
      return;
    }
    this.set(name, number);
  }

  typedSeed(text) {
    // Numbers beyond 2^53 would be sent as another number.
    if (text !== "" && !(/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)))) {
      this.mark("seed", "The seed is a whole number, or empty for a random one.");
      return;
    }
    this.set("seed", text === "" ? null : Number(text));
  }

  addStop() {
    const input = this.at("stop");
    const text = unescaped(input.value);
    if (!text) return;
    if (this.values.stop.length >= MOST_STOPS) {
      this.mark("stop", `At most ${MOST_STOPS} stop sequences. Remove one first.`);
      return;
    }
    input.value = "";
    if (!this.values.stop.includes(text)) this.set("stop", [...this.values.stop, text]);
  }

  removeStop(index) {
    this.set("stop", this.values.stop.filter((_, i) => i !== index));
    this.at("stop").focus();
  }

  reset(name, button) {
    const hadFocus = document.activeElement === button;
    if (name === "all") {
      this.values = { ...NOTHING, stop: [] };
      this.wrong = {};
      this.at("stop").value = "";
    } else {
      this.values[name] = Array.isArray(NOTHING[name]) ? [] : NOTHING[name];
      delete this.wrong[name];
    }
    this.show();
    this.onChange();
    if (hadFocus) (name === "all" ? this.at("system") : this.at(name)).focus();
  }

  restore(saved) {
    for (const name of Object.keys(NOTHING)) if (saved[name] !== undefined) this.values[name] = saved[name];
    const known = [...this.select.options].find((option) => option.value === saved.model && !option.disabled);
    if (known) this.select.value = saved.model;
    this.show();
  }

  get saved() {
    return { ...this.values, model: this.model };
  }

  // ---------------------------------------------------------------- showing

  isChanged(name) {
    const value = this.values[name];
    return Array.isArray(value) ? value.length > 0 : value !== NOTHING[name];
  }

  show() {
    for (const name of RANGES) this.showRange(name);
    for (const [name, value] of [["system", this.values.system], ["seed", this.values.seed ?? ""]]) {
      if (this.at(name).value !== String(value) && !this.wrong[name]) this.at(name).value = value;
    }
    this.at("stream").checked = this.values.stream;
    this.showStops();
    const changed = Object.keys(NOTHING).filter((name) => this.isChanged(name));
    for (const name of Object.keys(NOTHING)) {
      const reset = this.root.querySelector(`[data-reset="${name}"]`);
      if (reset) reset.hidden = !changed.includes(name) && !this.wrong[name];
      this.showWrong(name);
    }
    this.root.querySelector('[data-reset="all"]').hidden = changed.length === 0;
    const summary = this.root.querySelector("[data-changed]");
    summary.textContent = changed.length ? `${changed.length} changed` : "defaults";
    this.showWrong("model");
  }

  showRange(name) {
    const slider = this.at(`${name}_range`);
    if (name === "max_tokens") {
      slider.max = this.mostOutput;
      this.at(name).placeholder = count(this.mostOutput);
    }
    const value = this.values[name];
    slider.value = value ?? slider.max;
    const text = slider.step !== "1" && Number.isInteger(value) ? `${value}.0` : String(value ?? "");
    if (!this.wrong[name]) this.at(name).value = text;
  }

  showStops() {
    const list = this.root.querySelector("[data-stops]");
    list.replaceChildren(
      ...this.values.stop.map((text, index) => {
        const item = document.createElement("li");
        const words = document.createElement("code");
        words.textContent = escaped(text);
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.removeStop = index;
        button.setAttribute("aria-label", `Remove stop sequence ${escaped(text)}`);
        button.textContent = "×";
        item.append(words, button);
        return item;
      }),
    );
    list.hidden = this.values.stop.length === 0;
  }

  /** Say at the field what is wrong with it. */
  mark(name, message) {
    this.wrong[name] = message;
    this.show();
  }

  showWrong(name) {
    const input = name === "model" ? this.select : this.at(name);
    const note = document.getElementById(`pg-${name}-error`);
    if (!input || !note) return;
    const message = this.wrong[name] || "";
    note.textContent = message;
    note.hidden = !message;
    input.toggleAttribute("aria-invalid", Boolean(message));
    if (message) input.setAttribute("aria-invalid", "true");
    input.classList.toggle("is-invalid", Boolean(message));
  }

  /** The first field that is wrong, focused; null when all is well. */
  firstWrong() {
    const name = Object.keys(this.wrong)[0];
    if (!name) return null;
    this.open();
    (name === "model" ? this.select : this.at(name)).focus();
    return this.wrong[name];
  }

  open() {
    this.root.closest("details").open = true;
  }

  // ---------------------------------------------------------------- the request

  /** The request's members for these messages: only what differs from the defaults. */
  request(messages) {
    const { system, temperature, top_p: topP, max_tokens: most, seed, stop, stream } = this.values;
    const first = system.trim() ? [{ role: "system", content: system }] : [];
    const request = { model: this.model, messages: [...first, ...messages] };
    if (temperature !== NOTHING.temperature) request.temperature = temperature;
    if (topP !== NOTHING.top_p) request.top_p = topP;
    if (most !== null) request.max_tokens = most;
    if (seed !== null) request.seed = seed;
    if (stop.length) request.stop = stop;
    if (stream) request.stream = true;
    return request;
  }
}

// ---------------------------------------------------------------- remembering

const PREFIX = "playground:";

/** Remembers one value for one person in one organization; what others left in this tab is thrown away. */
export class Memory {
  constructor(owner) {
    this.key = `${PREFIX}${owner}`;
    this.full = false;
    try {
      for (const key of Object.keys(sessionStorage)) {
        if (key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}${owner.split(":")[0]}:`)) sessionStorage.removeItem(key);
      }
    } catch {
      this.full = true;
    }
  }

  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key)) || {};
    } catch {
      return {};
    }
  }

  /** Whether it was kept; a very long conversation does not fit. */
  write(value) {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(value));
      this.full = false;
    } catch {
      this.full = true;
    }
    return !this.full;
  }
}
