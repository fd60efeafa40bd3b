// The conversation on screen: one article a message, with what can be done to it and what it cost.

import { fill, gettext, ngettext } from "./language.js";
import { count, duration, money, nano } from "./words.js";
import { MarkdownView } from "./markdown.js";

const REASONS = {
  stop: gettext("stop"),
  length: gettext("length: cut at max output tokens"),
  content_filter: gettext("content filter"),
  tool_calls: gettext("tool calls"),
  client_closed: gettext("stopped"),
  upstream_error: gettext("broken off"),
};

function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function button(label, act, name) {
  const node = element("button", "linkish", label);
  node.type = "button";
  node.dataset.act = act;
  node.setAttribute("aria-label", `${label} ${name}`);
  return node;
}

function figure(label, value, { title = "", mark = "" } = {}) {
  const node = element("span", "", label ? `${label} ` : "");
  node.append(element("b", "", value));
  if (mark) node.append(" ", element("span", "pg-mark", mark));
  if (title) node.title = title;
  return node;
}

const about = (number) => fill(gettext("about %(number)s"), { number: count(number) });

/** The id leads to the request's own page. */
function requestLink(id) {
  const link = element("a");
  const { requestUrl } = document.getElementById("pg-composer").dataset;
  link.href = requestUrl.replace("ID", encodeURIComponent(id));
  link.append(element("code", "", id));
  return link;
}

/** The readout of an answer: counts and cost are the ledger's, times are this browser's. */
function readout(message) {
  const node = element("div", "readout");
  const { billed, times, running, marks = {} } = message;
  if (running) {
    node.append(element("span", "", message.pieces ? gettext("Streaming…") : gettext("Waiting for the first token…")));
    if (message.pieces) node.append(figure(gettext("Out"), about(message.pieces)));
  }
  if (billed) {
    const input = billed.input + billed.cached;
    node.append(figure(gettext("In"), count(input)));
    if (billed.cached) node.append(figure(gettext("of it cached"), count(billed.cached)));
    node.append(figure(gettext("Out"), count(billed.output)));
    // Not every provider tells it; then it is counted by the pieces that came.
    const thought = typeof billed.reasoning === "number" ? count(billed.reasoning) : "";
    if (thought || message.thoughtPieces) {
      node.append(figure(gettext("of it reasoning"), thought || about(message.thoughtPieces)));
    }
    node.append(figure(gettext("Cost"), money(nano(billed.charge)), { title: `$${billed.charge}`, mark: marks.cost }));
  }
  if (times && times.first !== null) node.append(figure(gettext("First token"), duration(times.first), { mark: marks.first }));
  if (times && times.total !== null) node.append(figure(gettext("Total"), duration(times.total), { mark: marks.total }));
  if (billed && times && times.total !== null && billed.output) {
    const spent = times.first !== null && times.total - times.first > 50 ? times.total - times.first : times.total;
    const speed = element("span");
    speed.append(element("b", "", count(Math.max(1, Math.round((billed.output * 1000) / spent)))), ` ${gettext("tok/s")}`);
    node.append(speed);
  }
  if (message.reason) node.append(element("span", "", REASONS[message.reason] || message.reason));
  if (message.requestId) {
    const id = element("span", "reqid");
    const shown = message.isCounted ? requestLink(message.requestId) : element("code", "", message.requestId);
    id.append(shown, " ", button(gettext("Copy"), "copy-id", gettext("request id")));
    node.append(id);
  }
  return node;
}

/** One message; `update` shows what has changed. */
class MessageView {
  constructor(message, name) {
    this.message = message;
    this.node = element("article", `msg msg-${message.role}`);
    this.node.dataset.id = message.id;
    const head = element("div", "msghead");
    const title = element("b", "", name);
    title.id = `msg-${message.id}`;
    this.node.setAttribute("aria-labelledby", title.id);
    const acts = element("span", "msgacts");
    if (message.role === "assistant") {
      acts.append(button(gettext("Copy"), "copy-text", name), button(gettext("Copy Markdown"), "copy", name));
      acts.append(button(gettext("Try again"), "retry", name));
    } else {
      acts.append(button(gettext("Copy"), "copy", name), button(gettext("Run from here"), "run", name));
    }
    acts.append(button(gettext("Edit"), "edit", name), button(gettext("Delete"), "delete", name));
    head.append(title, acts);
    this.thought = element("details", "thought");
    this.thought.append(element("summary"), element("div", "md-plain"));
    this.thought.hidden = true;
    this.body = element("div", "msgbody");
    this.caret = element("span", "cur");
    this.caret.setAttribute("aria-hidden", "true");
    this.note = element("p", "msgnote");
    this.note.hidden = true;
    this.more = button(gettext("Continue"), "continue", name);
    this.more.className = "btn btn-sm pg-more";
    this.foot = element("div");
    this.node.append(head, this.thought, this.body, this.caret, this.note, this.more, this.foot);
    this.markdown = null;
  }

  update(rendered) {
    const { message } = this;
    if (message.role === "assistant" && rendered) {
      if (!this.markdown) {
        this.body.replaceChildren();
        this.body.className = "msgbody md";
        this.markdown = new MarkdownView(this.body);
      }
      this.markdown.show(message.content);
    } else {
      this.markdown = null;
      this.body.className = "msgbody md-plain";
      this.body.textContent = message.content;
    }
    this.thought.hidden = !message.thought;
    if (message.thought) {
      this.thought.firstChild.textContent = message.thoughtFor
        ? fill(gettext("Thought for %(time)s"), { time: duration(message.thoughtFor) })
        : gettext("Thinking…");
      this.thought.lastChild.textContent = message.thought;
    }
    this.caret.hidden = !message.running;
    this.note.hidden = !message.note;
    this.note.textContent = message.note || "";
    this.more.hidden = !message.mayContinue;
    this.foot.replaceChildren(...(message.role === "assistant" ? [readout(message)] : []));
  }
}

export class Thread {
  constructor(log, empty) {
    this.log = log;
    this.empty = empty;
    this.views = new Map();
    this.rendered = true;
  }

  name(message) {
    return message.role === "user" ? gettext("You") : message.model || gettext("Assistant");
  }

  /** Make the page show exactly these messages in their order, keeping the nodes of those that are there. */
  show(messages) {
    const wanted = new Set(messages.map((message) => message.id));
    for (const [id, view] of this.views) {
      if (wanted.has(id)) continue;
      view.node.remove();
      this.views.delete(id);
    }
    let before = this.empty;
    for (const message of messages) {
      this.update(message);
      const { node } = this.views.get(message.id);
      if (before.nextElementSibling !== node) before.after(node);
      before = node;
    }
    this.empty.hidden = messages.length > 0;
  }

  update(message) {
    let view = this.views.get(message.id);
    if (!view) {
      view = new MessageView(message, this.name(message));
      this.views.set(message.id, view);
      this.log.append(view.node);
    }
    view.message = message;
    view.update(this.rendered);
  }

  setRendered(rendered) {
    this.rendered = rendered;
    for (const view of this.views.values()) view.update(rendered);
  }

  /** A message's text as it is on screen. */
  textOf(message) {
    const shown = this.views.get(message.id).body.cloneNode(true);
    for (const node of shown.querySelectorAll("figcaption, button")) node.remove();
    shown.classList.add("visually-hidden");
    this.log.append(shown);
    const text = shown.innerText;
    shown.remove();
    return text;
  }

  /** Replace a message's text by a form; `done(text, role, run)` or `done(null)` ends it. */
  edit(message, done) {
    const view = this.views.get(message.id);
    const form = element("form", "msgedit");
    const role = element("select", "form-select");
    role.setAttribute("aria-label", gettext("Role"));
    for (const [value, label] of [["user", gettext("You")], ["assistant", gettext("Assistant")]]) {
      const option = element("option", "", label);
      option.value = value;
      option.selected = value === message.role;
      role.append(option);
    }
    const area = element("textarea", "form-control");
    area.value = message.content;
    area.rows = Math.min(16, Math.max(3, message.content.split("\n").length));
    area.setAttribute("aria-label", fill(gettext("Text of %(name)s"), { name: this.name(message) }));
    const save = element("button", "btn btn-sm btn-primary", gettext("Save"));
    const run = element("button", "btn btn-sm", gettext("Save and run from here"));
    const cancel = element("button", "btn btn-sm", gettext("Cancel"));
    save.type = "submit";
    run.type = "button";
    cancel.type = "button";
    const row = element("div", "msgedit-row");
    row.append(role, save, run, cancel);
    form.append(area, row);
    const finish = (...answer) => {
      form.remove();
      view.body.hidden = false;
      done(...answer);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      finish(area.value, role.value, false);
    });
    role.addEventListener("change", () => {
      run.hidden = role.value !== "user";
    });
    run.hidden = message.role !== "user";
    run.addEventListener("click", () => finish(area.value, role.value, true));
    cancel.addEventListener("click", () => finish(null));
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      finish(null);
    });
    view.body.hidden = true;
    view.body.after(form);
    area.focus();
  }
}

/** What was charged for an answer that did not end by itself. */
export function chargedWords(found) {
  if (!found) return gettext("What was produced is charged; the figures are on the Usage page in a moment.");
  if (found.state === "released") return gettext("Nothing was charged.");
  const words = ngettext("%(number)s output token charged.", "%(number)s output tokens charged.", found.output);
  return fill(words, { number: count(found.output) });
}

// ---------------------------------------------------------------- following and painting

const NEAR = 48;
const PAINT_EVERY = 50;

/** Follows an answer as it grows, but only for somebody who is at its end. */
export class Follower {
  constructor(log, composer, button) {
    this.log = log;
    this.composer = composer;
    this.button = button;
    // Whether an answer is growing: only then there is a latest to jump to.
    this.live = false;
    button.addEventListener("click", () => {
      this.toEnd();
      button.hidden = true;
    });
  }

  // On a wide screen the log scrolls, on a phone the page does.
  get scrollsItself() {
    return getComputedStyle(this.log).overflowY === "auto";
  }

  get isAtEnd() {
    const { log, composer } = this;
    if (this.scrollsItself) return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    return composer.getBoundingClientRect().bottom - window.innerHeight < NEAR * 2;
  }

  toEnd() {
    // At once: a smooth scroll would lag behind the text and look as if somebody had scrolled up.
    if (this.scrollsItself) this.log.scrollTo({ top: this.log.scrollHeight, behavior: "instant" });
    else this.composer.scrollIntoView({ block: "end", behavior: "instant" });
  }

  /** Change the page with `draw`, staying at the end when one is there. */
  around(draw) {
    const follow = this.isAtEnd;
    draw();
    if (follow) this.toEnd();
    this.button.hidden = follow || !this.live;
  }
}

/** Calls `draw` at once, then at most every 50 ms. */
export class Painter {
  constructor(draw) {
    this.draw = draw;
    this.last = 0;
    this.timer = 0;
  }

  soon() {
    if (this.timer) return;
    const wait = PAINT_EVERY - (performance.now() - this.last);
    if (wait <= 0) this.now();
    else this.timer = setTimeout(() => this.now(), wait);
  }

  now() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.last = performance.now();
    this.draw();
  }
}

// ---------------------------------------------------------------- copying

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  const focused = document.activeElement;
  (focused && focused.closest("dialog") ? focused.closest("dialog") : document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused) focused.focus();
  return done;
}

/** Copy `text` and say so on the button for two seconds. */
export async function copy(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copyBySelection(text);
  }
  const before = button.dataset.label || button.textContent;
  button.dataset.label = before;
  button.textContent = done ? gettext("Copied") : gettext("Copy failed");
  setTimeout(() => {
    button.textContent = before;
  }, 2000);
}
