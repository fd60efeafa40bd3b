// A list of models with a search field, in front of a native select that keeps the choice.
// A combobox as the ARIA Authoring Practices describe it: the focus stays in the field, arrows move through the list.

import { fill, gettext, ngettext } from "./language.js";
import { count } from "./words.js";

const fold = (text) => text.toLocaleLowerCase();

function part(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

export class ModelPicker {
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
