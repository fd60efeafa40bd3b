// The parameters of a request: each has a default, a reset, and is sent only when it was changed.
// Two columns share one set of values until one of them gets its own.

import { count, fill, gettext, ngettext } from "./words.js";

const MOST_STOPS = 4;
const RANGES = ["temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty"];
const CHECKS = ["stream", "json"];
const NOTHING = {
  system: "", temperature: 1, top_p: 1, max_tokens: null, seed: null, stop: [],
  frequency_penalty: 0, presence_penalty: 0, effort: "", json: false,
  // What the profile says.
  stream: document.getElementById("pg-app").dataset.streams === "yes",
};
export const SIDES = ["a", "b"];

/** What a person typed for a stop sequence: \n and \t stand for a new line and a tab. */
const unescaped = (text) => text.replace(/\\([nt\\])/g, (_, char) => ({ n: "\n", t: "\t", "\\": "\\" })[char]);
export const escaped = (text) => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t");

const fresh = () => ({ ...NOTHING, stop: [] });

function isChanged(values, name) {
  const value = values[name];
  return Array.isArray(value) ? value.length > 0 : value !== NOTHING[name];
}

/** The values that differ from their defaults, by name. */
export const changedValues = (values) =>
  Object.fromEntries(Object.keys(NOTHING).filter((name) => isChanged(values, name)).map((name) => [name, values[name]]));

export class Settings {
  /** `selects`: the list of models of each side. */
  constructor(root, selects, onChange) {
    this.root = root;
    this.selects = selects;
    this.pickers = { a: new ModelPicker(selects.a), b: new ModelPicker(selects.b) };
    this.onChange = onChange;
    this.sets = {};
    this.wrongs = {};
    this.wrongModels = { a: "", b: "" };
    this.comparing = false;
    this.shown = "a";
    this.join();
    this.bind();
  }

  at(name) {
    return this.root.querySelector(`[name="${name}"]`);
  }

  bind() {
    for (const side of SIDES) this.selects[side].addEventListener("change", () => this.modelChanged(side));
    this.at("system").addEventListener("input", (event) => this.set("system", event.target.value));
    for (const name of RANGES) {
      this.at(name).addEventListener("change", (event) => this.typed(name, event.target.value));
      this.at(`${name}_range`).addEventListener("input", (event) => this.set(name, Number(event.target.value)));
    }
    this.at("seed").addEventListener("change", (event) => this.typedSeed(event.target.value.trim()));
    for (const name of CHECKS) this.at(name).addEventListener("change", (event) => this.set(name, event.target.checked));
    this.at("effort").addEventListener("change", (event) => this.set("effort", event.target.value));
    this.at("stop").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.addStop();
    });
    this.root.querySelector("[data-add-stop]").addEventListener("click", () => this.addStop());
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-reset], [data-remove-stop], [data-side], [data-join]");
      if (!button) return;
      if (button.dataset.reset) this.reset(button.dataset.reset, button);
      else if (button.dataset.side) this.look(button.dataset.side);
      else if (button.dataset.join) this.joined();
      else this.removeStop(Number(button.dataset.removeStop));
    });
  }

  // ---------------------------------------------------------------- one set of values, or one a side

  get isSplit() {
    return this.sets.a !== this.sets.b;
  }

  get values() {
    return this.sets[this.shown];
  }

  get wrong() {
    return this.wrongs[this.shown];
  }

  /** Both sides share the values that are shown. */
  join() {
    const values = this.sets[this.shown] || fresh();
    const wrong = this.wrongs[this.shown] || {};
    this.sets = { a: values, b: values };
    this.wrongs = { a: wrong, b: wrong };
  }

  joined() {
    this.join();
    this.show();
    this.onChange();
    this.at("system").focus();
  }

  /** Give each side its own values, and show those of `side`. */
  split(side) {
    if (!this.isSplit) {
      this.sets = { a: this.sets.a, b: { ...this.sets.a, stop: [...this.sets.a.stop] } };
      this.wrongs = { a: this.wrongs.a, b: { ...this.wrongs.a } };
    }
    this.look(side);
    this.onChange();
  }

  look(side) {
    this.shown = side;
    this.at("stop").value = "";
    this.show();
  }

  compare(on) {
    this.comparing = on;
    this.shown = "a";
    if (!on) this.join();
    this.show();
  }

  /** The values and the model of `side` become the only ones. */
  keep(side) {
    this.selects.a.value = this.selects[side].value;
    this.shown = side;
    this.join();
    this.compare(false);
  }

  // ---------------------------------------------------------------- the model

  model(side) {
    return this.selects[side].value;
  }

  facts(side) {
    const option = this.selects[side].selectedOptions[0];
    return option ? option.dataset : {};
  }

  /** The sides that the shown values are sent for. */
  get meant() {
    if (!this.comparing) return ["a"];
    return this.isSplit ? [this.shown] : SIDES;
  }

  get mostOutput() {
    return Math.min(...this.meant.map((side) => Number(this.facts(side).maxOutput) || 1));
  }

  ignored(side) {
    return (this.facts(side).ignores || "").split(" ").filter(Boolean);
  }

  modelChanged(side) {
    const most = Number(this.facts(side).maxOutput) || 1;
    const values = this.sets[side];
    if (values.max_tokens !== null && values.max_tokens > most) values.max_tokens = most;
    this.wrongModels[side] = "";
    this.show();
    this.onChange();
  }

  /** Whether there is such a model to choose; then it is chosen. */
  choose(side, name) {
    const known = [...this.selects[side].options].find((option) => option.value === name && !option.disabled);
    if (known) {
      this.selects[side].value = name;
      this.pickers[side].show();
    }
    return Boolean(known);
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
    const number = text.trim() === "" ? NOTHING[name] : Number(text.replace(",", ".").replace("\u2212", "-"));
    const whole = step !== "1" || Number.isInteger(number);
    if (number !== null && !(whole && number >= Number(min) && number <= Number(max))) {
      const words = step === "1"
        ? gettext("%(name)s is a whole number from %(least)s to %(most)s.")
        : gettext("%(name)s is a number from %(least)s to %(most)s.");
      this.mark(name, fill(words, { name: this.at(name).labels[0].textContent, least: min, most: count(Number(max)) }));
      return;
    }
    this.set(name, number);
  }

  typedSeed(text) {
    // Numbers beyond 2^53 would be sent as another number.
    if (text !== "" && !(/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)))) {
      this.mark("seed", gettext("The seed is a whole number, or empty for a random one."));
      return;
    }
    this.set("seed", text === "" ? null : Number(text));
  }

  addStop() {
    const input = this.at("stop");
    const text = unescaped(input.value);
    if (!text) return;
    if (this.values.stop.length >= MOST_STOPS) {
      this.mark("stop", fill(gettext("At most %(most)s stop sequences. Remove one first."), { most: MOST_STOPS }));
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
      Object.assign(this.values, fresh());
      for (const wrong of Object.keys(this.wrong)) delete this.wrong[wrong];
      this.at("stop").value = "";
    } else {
      this.values[name] = fresh()[name];
      delete this.wrong[name];
    }
    this.show();
    this.onChange();
    if (hadFocus) (name === "all" ? this.at("system") : this.at(name)).focus();
  }

  /** Take over values by name; what is missing has its default. */
  take(side, values) {
    const known = Object.keys(NOTHING).filter((name) => values[name] !== undefined && values[name] !== null);
    Object.assign(this.sets[side], fresh(), Object.fromEntries(known.map((name) => [name, values[name]])));
    for (const name of Object.keys(this.wrongs[side])) delete this.wrongs[side][name];
    this.show();
  }

  restore(saved) {
    this.comparing = Boolean(saved.comparing);
    for (const side of SIDES) if (saved[side]) this.choose(side, saved[side].model);
    if (saved.split) this.split("a");
    for (const side of this.isSplit ? SIDES : ["a"]) if (saved[side]) this.take(side, saved[side]);
    this.show();
  }

  get saved() {
    const of = (side) => ({ ...this.sets[side], model: this.model(side) });
    return { a: of("a"), b: of("b"), comparing: this.comparing, split: this.isSplit };
  }

  // ---------------------------------------------------------------- showing

  show() {
    for (const name of RANGES) this.showRange(name);
    for (const [name, value] of [["system", this.values.system], ["seed", this.values.seed ?? ""]]) {
      if (this.at(name).value !== String(value) && !this.wrong[name]) this.at(name).value = value;
    }
    for (const name of CHECKS) this.at(name).checked = this.values[name];
    this.at("effort").value = this.values.effort;
    this.showStops();
    const changed = Object.keys(changedValues(this.values));
    for (const name of Object.keys(NOTHING)) {
      const reset = this.root.querySelector(`[data-reset="${name}"]`);
      if (reset) reset.hidden = !changed.includes(name) && !this.wrong[name];
      this.showWrong(name);
    }
    this.root.querySelector('[data-reset="all"]').hidden = changed.length === 0;
    const summary = this.root.querySelector("[data-changed]");
    summary.textContent = changed.length
      ? fill(gettext("%(number)s changed"), { number: changed.length })
      : gettext("defaults");
    this.showSides();
    this.showUnsupported();
    for (const side of SIDES) this.showWrongModel(side);
  }

  showSides() {
    const tabs = this.root.querySelector("[data-sides]");
    tabs.hidden = !this.comparing || !this.isSplit;
    for (const tab of tabs.querySelectorAll("[data-side]")) {
      const active = tab.dataset.side === this.shown;
      tab.setAttribute("aria-pressed", String(active));
      tab.classList.toggle("active", active);
      tab.textContent = `${tab.dataset.side.toUpperCase()}: ${this.model(tab.dataset.side)}`;
    }
  }

  /** What no model that is meant takes is absent, and said in one line. */
  showUnsupported() {
    const lines = [];
    const ignored = this.meant.map((side) => new Set(this.ignored(side)));
    for (const box of this.root.querySelectorAll("[data-parameter]")) {
      box.hidden = ignored.every((names) => names.has(box.dataset.parameter));
    }
    for (const side of new Set(this.meant)) {
      const words = this.ignored(side).map((name) => name.replaceAll("_", " "));
      if (words.length) lines.push(fill(gettext("%(model)s ignores %(names)s."), { model: this.model(side), names: words.join(", ") }));
    }
    const note = this.root.querySelector("[data-ignored]");
    note.textContent = [...new Set(lines)].join(" ");
    note.hidden = lines.length === 0;
    this.root.querySelector("[data-effort]").hidden = !this.meant.some((side) => this.facts(side).effort === "yes");
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
        button.setAttribute("aria-label", fill(gettext("Remove stop sequence %(text)s"), { text: escaped(text) }));
        button.textContent = "×";
        item.append(words, button);
        return item;
      }),
    );
    list.hidden = this.values.stop.length === 0;
  }

  /** Say at the field what is wrong with it. */
  mark(name, message, side = this.shown) {
    if (name === "model") {
      this.wrongModels[side] = message;
    } else {
      this.wrongs[side][name] = message;
      this.shown = this.isSplit ? side : this.shown;
    }
    this.show();
  }

  showWrong(name) {
    const input = this.at(name);
    const note = document.getElementById(`pg-${name}-error`);
    if (input && note) showMessage(input, note, this.wrong[name] || "");
  }

  showWrongModel(side) {
    const select = this.selects[side];
    showMessage(select, document.getElementById(`${select.id}-error`), this.wrongModels[side]);
    this.pickers[side].show(this.wrongModels[side]);
  }

  /** Whether a field of these sides is wrong; it gets the focus. */
  firstWrong(sides) {
    for (const side of sides) {
      if (this.wrongModels[side]) {
        this.selects[side].focus();
        return true;
      }
      const name = Object.keys(this.wrongs[side])[0];
      if (!name) continue;
      if (this.isSplit) this.look(side);
      this.open();
      this.at(name).focus();
      return true;
    }
    return false;
  }

  open() {
    this.root.closest("details").open = true;
  }

  // ---------------------------------------------------------------- the request

  /** The members of a side's request for these messages: only what differs from the defaults and is not ignored. */
  request(side, messages) {
    const values = this.sets[side];
    const first = values.system.trim() ? [{ role: "system", content: values.system }] : [];
    const request = { model: this.model(side), messages: [...first, ...messages] };
    const ignored = this.ignored(side);
    for (const name of [...RANGES, "seed", "stop"]) {
      if (isChanged(values, name) && !ignored.includes(name)) request[name] = values[name];
    }
    if (values.effort && this.facts(side).effort === "yes") request.reasoning_effort = values.effort;
    if (values.json) request.response_format = { type: "json_object" };
    if (values.stream) request.stream = true;
    return request;
  }
}

function showMessage(input, note, message) {
  note.textContent = message;
  note.hidden = !message;
  input.toggleAttribute("aria-invalid", Boolean(message));
  if (message) input.setAttribute("aria-invalid", "true");
  input.classList.toggle("is-invalid", Boolean(message));
}

// ---------------------------------------------------------------- choosing a model

// A list of models with a search field, in front of a native select that keeps the choice.
// A combobox as the ARIA Authoring Practices describe it: the focus stays in the field, arrows move through the list.

const fold = (text) => text.toLocaleLowerCase();

function part(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

class ModelPicker {
  constructor(select) {
    this.select = select;
    this.options = [...select.options];
    this.active = -1;
    this.build();
    this.bind();
    this.show("");
  }

  build() {
    const { select } = this;
    this.field = document.createElement("input");
    Object.assign(this.field, { id: `${select.id}-search`, className: "form-select", type: "text" });
    Object.assign(this.field, { autocomplete: "off", spellcheck: false });
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", autocapitalize: "off",
      "aria-controls": `${select.id}-list`, "aria-describedby": select.getAttribute("aria-describedby") || "",
    })) this.field.setAttribute(name, value);
    this.list = part("ul", "pg-models", "");
    this.list.id = `${select.id}-list`;
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.status = part("p", "visually-hidden", "");
    this.status.setAttribute("role", "status");
    for (const label of select.labels) {
      this.list.setAttribute("aria-label", label.textContent);
      label.htmlFor = this.field.id;
    }
    this.rows = this.options.map((option, index) => this.row(option, index));
    this.none = part("li", "pg-model-none", "");
    this.none.setAttribute("role", "presentation");
    this.list.append(...this.rows, this.none);
    // It stays in the page as the one place that knows the choice, out of sight and out of the order of Tab.
    select.classList.add("visually-hidden");
    select.tabIndex = -1;
    select.setAttribute("aria-hidden", "true");
    select.after(this.field, this.list, this.status);
  }

  row(option, index) {
    const { context, input, output } = option.dataset;
    const node = part("li", "pg-model-row", "");
    node.id = `${this.select.id}-option-${index}`;
    node.setAttribute("role", "option");
    node.append(part("span", "pg-model-name", option.value));
    const facts = option.disabled
      ? gettext("no provider")
      : fill(gettext("%(context)s context · %(input)s in · %(output)s out per 1M"), { context, input, output });
    node.append(part("span", "pg-model-facts", facts));
    if (option.disabled) node.setAttribute("aria-disabled", "true");
    return node;
  }

  bind() {
    const { field, list } = this;
    field.addEventListener("input", () => {
      this.filter(field.value);
      this.open();
      this.move(this.visible.find((index) => !this.options[index].disabled) ?? -1);
    });
    field.addEventListener("click", () => (this.isOpen ? this.close() : this.openAll()));
    field.addEventListener("focus", () => field.select());
    field.addEventListener("blur", () => this.close());
    field.addEventListener("keydown", (event) => this.key(event));
    // The field keeps the focus while the list is clicked.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const index = this.rows.indexOf(event.target.closest("[role=option]"));
      if (index >= 0) this.choose(index);
    });
    // Whoever sends the focus to the select means the field.
    this.select.addEventListener("focus", () => field.focus());
    this.select.addEventListener("change", () => this.show());
  }

  key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5 };
    if (event.key in steps) {
      event.preventDefault();
      if (this.isOpen) this.step(steps[event.key]);
      else this.openAll();
    } else if (event.key === "Enter") {
      // Never the form: Enter chooses, or opens the list.
      event.preventDefault();
      if (this.isOpen && this.active >= 0) this.choose(this.active);
      else if (!this.isOpen) this.openAll();
    } else if (event.key === "Escape" && (this.isOpen || this.field.value !== this.select.value)) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
      this.field.select();
    }
  }

  // ---------------------------------------------------------------- the list

  get isOpen() {
    return !this.list.hidden;
  }

  get visible() {
    return this.rows.map((_, index) => index).filter((index) => !this.rows[index].hidden);
  }

  filter(text) {
    const wanted = fold(text.trim()).split(/\s+/);
    this.rows.forEach((row, index) => {
      const all = fold(`${this.options[index].value} ${this.options[index].dataset.description || ""}`);
      row.hidden = !wanted.every((word) => all.includes(word));
    });
    const found = this.visible.length;
    this.none.hidden = found > 0;
    this.none.textContent = fill(gettext("No model matches “%(text)s”."), { text: text.trim() });
    this.status.textContent = found
      ? fill(ngettext("%(number)s model", "%(number)s models", found), { number: count(found) })
      : this.none.textContent;
  }

  openAll() {
    this.filter("");
    this.open();
    this.move(this.select.selectedIndex);
    this.field.select();
  }

  open() {
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    this.status.textContent = "";
    this.field.setAttribute("aria-expanded", "false");
    this.move(-1);
    this.show();
  }

  step(by) {
    const { visible } = this;
    if (!visible.length) return;
    const at = visible.indexOf(this.active);
    const last = visible.length - 1;
    // One step goes round, a leap stops at the ends.
    let next = at < 0 ? (by > 0 ? 0 : last) : at + by;
    if (Math.abs(by) === 1) next = (next + visible.length) % visible.length;
    this.move(visible[Math.max(0, Math.min(last, next))]);
  }

  move(index) {
    this.active = index;
    this.rows.forEach((row, at) => row.classList.toggle("active", at === index));
    if (index < 0) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    this.field.setAttribute("aria-activedescendant", this.rows[index].id);
    this.rows[index].scrollIntoView({ block: "nearest" });
  }

  choose(index) {
    const option = this.options[index];
    if (option.disabled) return;
    const isNew = this.select.selectedIndex !== index;
    this.select.selectedIndex = index;
    this.close();
    if (isNew) this.select.dispatchEvent(new Event("change"));
  }

  /** Show what the select says; `wrong`: what the page says is wrong with it. */
  show(wrong = null) {
    if (!this.isOpen) this.field.value = this.select.value;
    this.rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === this.select.selectedIndex)));
    if (wrong === null) return;
    this.field.classList.toggle("is-invalid", Boolean(wrong));
    this.field.setAttribute("aria-invalid", String(Boolean(wrong)));
  }
}

// ---------------------------------------------------------------- remembering

// What this tab remembers of the playground: never anything that outlives the tab.

const PREFIX = "playground:";

/** Remembers one value for one person in one organization; what others left in this tab is thrown away. */
export class Memory {
  constructor(owner) {
    this.key = `${PREFIX}${owner}`;
    try {
      for (const key of Object.keys(sessionStorage)) {
        if (key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}${owner.split(":")[0]}:`)) sessionStorage.removeItem(key);
      }
    } catch {
      // Without a storage nothing is remembered; write() says so.
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
      return true;
    } catch {
      return false;
    }
  }
}
