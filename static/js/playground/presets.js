// Presets: a model, parameters, a system prompt and, if wanted, first messages, kept on the server under a name.

import { copy } from "./conversation.js";
import { csrfToken } from "./request.js";
import { escaped } from "./settings.js";
import { count, fill, gettext } from "./words.js";

const LABELS = {
  temperature: gettext("Temperature"), top_p: gettext("Top P"), max_tokens: gettext("Max output tokens"),
  frequency_penalty: gettext("Frequency penalty"), presence_penalty: gettext("Presence penalty"), seed: gettext("Seed"),
  stop: gettext("Stop sequences"), effort: gettext("Reasoning effort"), json: gettext("JSON mode"),
  stream: gettext("Stream the answer"),
};
const LOST = gettext("Presets could not be reached. Try again in a moment.");
const ENDED = gettext("Your session ended. Log in again in another tab; your text is kept.");
const FORBIDDEN = gettext("Your role cannot do this, or this page was open too long. Reload it; your text is kept.");
const GONE = gettext("This preset is not here any more, or you may not change it.");

function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function button(label, act, name) {
  const node = element("button", "btn btn-sm", label);
  node.type = "button";
  node.dataset.act = act;
  node.setAttribute("aria-label", `${label} ${name}`);
  return node;
}

function shown(value) {
  if (Array.isArray(value)) return value.map(escaped).join(", ") || gettext("none");
  if (value === true) return gettext("on");
  if (value === false) return gettext("off");
  return value === null || value === undefined || value === "" ? gettext("default") : String(value);
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** What is on screen now and was different in the preset, a line each. */
export function differences(preset, now) {
  const lines = [];
  if (preset.model !== now.model) lines.push(`${gettext("Model")}: ${preset.model} → ${now.model}`);
  if ((preset.parameters.system || "") !== (now.parameters.system || "")) lines.push(gettext("System prompt changed"));
  for (const [name, label] of Object.entries(LABELS)) {
    const [before, after] = [preset.parameters[name], now.parameters[name]];
    if (!same(before, after)) lines.push(`${label}: ${shown(before)} → ${shown(after)}`);
  }
  if (preset.messages.length && !same(preset.messages, now.messages)) {
    lines.push(`${gettext("Starter messages")}: ${count(preset.messages.length)} → ${count(now.messages.length)}`);
  }
  return lines;
}

export class Presets {
  /** `page`: form, now() with model, parameters and messages, use(preset), and changed(). */
  constructor(dialog, page) {
    this.dialog = dialog;
    this.page = page;
    this.presets = [];
    // The preset that was chosen or saved last.
    this.active = null;
    this.form = dialog.querySelector("form");
    this.list = this.part("list");
    this.bind();
  }

  part(name) {
    return this.dialog.querySelector(`[data-presets-${name}]`);
  }

  bind() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.dialog.addEventListener("click", (event) => {
      const pressed = event.target.closest("button");
      if (!pressed) return;
      if (pressed.dataset.closePresets) this.dialog.close();
      else if (pressed.dataset.updatePreset) this.update();
      else if (pressed.dataset.act) this.act(pressed);
    });
  }

  act(pressed) {
    const { act } = pressed.dataset;
    const { preset: id } = pressed.closest("[data-preset]").dataset;
    const preset = this.presets.find((one) => one.id === id);
    if (act === "use") this.use(preset);
    if (act === "delete") this.remove(preset);
    if (act === "undo") this.restore(preset);
    if (act === "link") copy(new URL(`${this.dialog.dataset.link}${id}`, window.location.href).href, pressed);
  }

  // ---------------------------------------------------------------- talking to the server

  /** The parsed answer and its status; null with words on screen when there is none. */
  async talk(url, body) {
    this.say("");
    this.fail("");
    try {
      const response = await fetch(url, {
        method: body === undefined ? "GET" : "POST",
        credentials: "same-origin",
        redirect: "manual",
        headers: body === undefined ? {} : { "Content-Type": "application/json", "X-CSRFToken": csrfToken(this.page.form) },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      if (response.type === "opaqueredirect") return this.fail(ENDED);
      if (response.status === 403) return this.fail(FORBIDDEN);
      if (response.status === 404) return this.fail(GONE);
      return { status: response.status, answer: await response.json() };
    } catch {
      return this.fail(LOST);
    }
  }

  oneUrl(preset, deed = "") {
    return this.dialog.dataset.oneUrl.replace("ID", preset.id) + deed;
  }

  async load() {
    const found = await this.talk(this.dialog.dataset.url);
    // Rows that stay as they are must not be replaced under somebody's finger.
    if (found && !same(found.answer.presets, this.presets)) {
      this.presets = found.answer.presets;
      this.show();
    }
    return Boolean(found);
  }

  // ---------------------------------------------------------------- deeds

  async open() {
    this.dialog.showModal();
    this.form.elements.starters.closest("label").hidden = this.page.now().messages.length === 0;
    this.show();
    await this.load();
  }

  /** Start from the preset of a link. */
  async openLink(id) {
    const preset = (await this.load()) && this.presets.find((one) => one.id === id);
    if (preset) this.use(preset);
    else this.dialog.showModal();
  }

  use(preset) {
    this.active = preset;
    this.page.use(preset);
    this.dialog.close();
  }

  content(withMessages) {
    const { model, parameters, messages } = this.page.now();
    return { model, parameters, messages: withMessages ? messages : [] };
  }

  async save() {
    const fields = this.form.elements;
    const given = {
      ...this.content(fields.starters.checked && this.page.now().messages.length > 0),
      name: fields.name.value, description: fields.description.value, scope: fields.scope.value,
    };
    const done = await this.talk(this.dialog.dataset.url, given);
    if (!done || !this.accepted(done)) return;
    this.form.reset();
    await this.took(done.answer.preset, fill(gettext("Saved “%(name)s”."), done.answer.preset));
  }

  async update() {
    const preset = this.active;
    const given = {
      ...this.content(preset.messages.length > 0),
      name: preset.name, description: preset.description, version: preset.version,
    };
    const done = await this.talk(this.oneUrl(preset), given);
    if (!done) return;
    if (done.status === 409) {
      this.active = done.answer.now;
      await this.load();
      this.show();
      this.fail(fill(gettext("“%(name)s” was changed meanwhile. Below is what would change now; what is on screen stays."), preset));
      return;
    }
    if (this.accepted(done)) await this.took(done.answer.preset, fill(gettext("Updated “%(name)s”."), preset));
  }

  async took(preset, words) {
    this.active = preset;
    this.page.changed();
    await this.load();
    this.show();
    this.say(words);
    this.dialog.querySelector("[data-close-presets]").focus();
  }

  async remove(preset) {
    if (!(await this.talk(this.oneUrl(preset, "delete/"), {}))) return;
    preset.isDeleted = true;
    if (this.active && this.active.id === preset.id) this.active = null;
    this.page.changed();
    this.show();
    this.say(fill(gettext("Deleted “%(name)s”."), preset));
    this.list.querySelector(`[data-preset="${preset.id}"] button`).focus();
  }

  async restore(preset) {
    const done = await this.talk(this.oneUrl(preset, "restore/"), {});
    if (!done || !this.accepted(done)) return;
    await this.load();
    this.say(fill(gettext("“%(name)s” is back."), preset));
    this.list.querySelector(`[data-preset="${preset.id}"] button`).focus();
  }

  // ---------------------------------------------------------------- showing

  /** Whether the server took it; what is wrong is said at its field. */
  accepted({ status, answer }) {
    const errors = status < 300 ? {} : answer.errors;
    const note = document.getElementById("pg-preset-name-error");
    const atName = (errors.name || []).join(" ");
    note.textContent = atName;
    note.hidden = !atName;
    const field = this.form.elements.name;
    field.setAttribute("aria-invalid", String(Boolean(atName)));
    field.classList.toggle("is-invalid", Boolean(atName));
    if (atName) field.focus();
    const others = Object.entries(errors).filter(([name]) => name !== "name");
    if (others.length) this.fail(others.flatMap(([, words]) => words).join(" "));
    return status < 300;
  }

  say(words) {
    this.part("note").textContent = words;
    this.part("note").hidden = !words;
  }

  fail(words) {
    this.part("error").textContent = words;
    this.part("error").hidden = !words;
    return null;
  }

  show() {
    this.part("empty").hidden = this.presets.length > 0;
    this.list.replaceChildren(...this.presets.map((preset) => this.row(preset)));
    const { active } = this;
    const lines = active && active.may_change ? differences(active, this.page.now()) : [];
    this.part("update").hidden = lines.length === 0;
    this.part("update").querySelector("h3").textContent = active ? fill(gettext("Changed since “%(name)s”"), active) : "";
    this.part("changes").replaceChildren(...lines.map((line) => element("li", "", line)));
    this.dialog.querySelector("[data-save-preset]").textContent = active ? gettext("Save as new") : gettext("Save");
  }

  row(preset) {
    const row = element("li", "pg-preset");
    row.dataset.preset = preset.id;
    if (preset.isDeleted) {
      const name = fill(gettext("deleting %(name)s"), preset);
      row.append(element("span", "text-secondary", fill(gettext("Deleted “%(name)s”."), preset)), button(gettext("Undo"), "undo", name));
      return row;
    }
    const words = element("div", "pg-presetwords");
    const head = element("div");
    const scope = preset.scope === "me" ? gettext("Only me") : gettext("Project");
    head.append(element("b", "", preset.name), " ", element("span", "badge bg-secondary-lt", scope));
    words.append(head);
    const facts = [preset.model, ...(preset.by ? [fill(gettext("by %(by)s"), preset)] : []), preset.description].filter(Boolean).join(" · ");
    words.append(element("div", "text-secondary small", facts));
    const acts = element("div", "pg-presetacts");
    acts.append(button(gettext("Use"), "use", preset.name), button(gettext("Copy link"), "link", preset.name));
    if (preset.may_change) acts.append(button(gettext("Delete"), "delete", preset.name));
    row.append(words, acts);
    return row;
  }
}
