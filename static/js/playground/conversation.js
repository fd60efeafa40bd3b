// One conversation with one model: its messages on screen, the request under way, and what went wrong with it.

import { MarkdownView } from "./markdown.js";
import { expected, newTurn, readStream, readWhole, receipt, send } from "./request.js";
import {
  count, duration, explain, fill, gettext, hideNotice, money, nano, ngettext, Refused, showNotice, tenths,
  tokens,
} from "./words.js";

// ---------------------------------------------------------------- a message on screen, and what it cost

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

class Thread {
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
function chargedWords(found) {
  if (!found) return gettext("What was produced is charged; the figures are on the Usage page in a moment.");
  if (found.state === "released") return gettext("Nothing was charged.");
  const words = ngettext("%(number)s output token charged.", "%(number)s output tokens charged.", found.output);
  return fill(words, { number: count(found.output) });
}

// ---------------------------------------------------------------- following and painting

const NEAR = 48;
const PAINT_EVERY = 50;

/** Follows an answer as it grows, but only for somebody who is at its end. */
class Follower {
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
class Painter {
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

// ---------------------------------------------------------------- the conversation

const SILENT_AFTER = 60_000;
const CONTINUE = gettext("Continue exactly where you stopped.");

export const newId = () => crypto.getRandomValues(new Uint32Array(2)).join("");

export class Column {
  /** `page`: the form, the place, the settings, and what happens to the whole page (see playground.js). */
  constructor(side, page) {
    this.side = side;
    this.page = page;
    this.messages = [];
    // {controller, turn, stopped, silence} of the request under way.
    this.running = null;
    this.log = this.at("log");
    this.thread = new Thread(this.log, this.at("empty"));
    this.follower = new Follower(this.log, page.form, this.at("latest"));
    this.log.addEventListener("click", (event) => this.clicked(event));
  }

  at(name) {
    return document.getElementById(`pg-${name}${this.side === "a" ? "" : `-${this.side}`}`);
  }

  get last() {
    return this.messages[this.messages.length - 1];
  }

  // An answer that was stopped before its first token says nothing to the model.
  get spoken() {
    return this.messages.filter(({ content }) => content).map(({ role, content }) => ({ role, content }));
  }

  get kept() {
    return this.messages.map(({ running: _running, pieces: _pieces, ...message }) => message);
  }

  // ---------------------------------------------------------------- showing

  show() {
    const busy = Boolean(this.running);
    this.thread.show(this.messages);
    this.log.setAttribute("aria-busy", String(busy));
    for (const button of this.log.querySelectorAll("[data-act]")) {
      button.disabled = busy && !button.dataset.act.startsWith("copy");
    }
    this.at("stop-one").hidden = !busy || !this.page.comparing;
    this.follower.live = busy;
    if (!busy) this.at("latest").hidden = true;
  }

  showModel() {
    const { words, demo } = this.page.settings.facts(this.side);
    this.at("model-facts").textContent = words || "";
    if (this.at("demo")) this.at("demo").hidden = demo !== "yes";
  }

  showFailure(words) {
    showNotice(this.at("error"), words, {
      retry: () => this.page.again(this),
      reload: () => window.location.reload(),
      model: () => this.at("model").focus(),
    });
    if (words.field) this.page.settings.mark(words.field, words.text, this.side);
    if (words.wait) this.page.wait(words.wait);
    this.page.showTabs();
  }

  get hasFailed() {
    return !this.at("error").hidden;
  }

  forgetFailure() {
    hideNotice(this.at("error"));
  }

  clear() {
    this.messages = [];
    this.forgetFailure();
    this.show();
  }

  // ---------------------------------------------------------------- asking

  /** Ask for the next message of `asked`; `undo` brings back what was there when the request is refused.
   * Returns whether an answer began. `pair` names the answers of one question to two models.
   */
  async run(asked, undo, pair = newId()) {
    if (this.running || this.page.mayNotSend([this.side])) {
      undo();
      this.page.show();
      return false;
    }
    this.messages = asked;
    const request = this.page.settings.request(this.side, this.spoken);
    const answer = expected(newId(), request.model, pair);
    this.running = { controller: new AbortController(), turn: newTurn(), stopped: false, silence: 0 };
    this.messages = [...this.messages, answer];
    this.forgetFailure();
    this.page.show();
    this.follower.toEnd();
    const failure = await this.attempt(request, answer).catch((error) => error);
    this.watchSilence(false);
    answer.times.total = performance.now() - answer.began;
    if (failure && !this.running.stopped && answer.times.first === null) {
      this.messages = this.messages.filter((message) => message !== answer);
      undo();
      this.end();
      this.page.say(this, "");
      this.showFailure(explain(failure, this.page.place));
      return false;
    }
    await this.finish(answer, failure);
    return true;
  }

  /** Ask and read; throws what stopped it. */
  async attempt(request, answer) {
    this.watchSilence(true);
    const response = await send(this.page.form, request, this.running.turn, this.running.controller.signal);
    answer.requestId = response.headers.get("x-request-id");
    this.page.showLimits(response);
    if (!request.stream) {
      await readWhole(response, answer);
      return null;
    }
    const painter = new Painter(() => this.follower.around(() => this.thread.update(answer)));
    try {
      await readStream(response, answer, () => {
        if (answer.pieces === 1) this.page.say(this, gettext("Answer started"));
        this.watchSilence(true);
        painter.soon();
      });
    } finally {
      painter.now();
    }
    return null;
  }

  watchSilence(on) {
    clearTimeout(this.running.silence);
    this.at("silent").hidden = true;
    if (on) this.running.silence = setTimeout(() => { this.at("silent").hidden = false; }, SILENT_AFTER);
  }

  /** Show what the ledger has, also for an answer that was stopped or broke off. */
  async finish(answer, failure) {
    const { turn, stopped } = this.running;
    answer.running = false;
    const start = stopped ? gettext("Stopped.") : failure ? brokenOff(answer, failure) : "";
    if (start) answer.note = `${start} ${gettext("Counting what was produced…")}`;
    this.follower.around(() => this.thread.update(answer));
    const found = answer.billed || (await receipt(this.page.form, turn));
    if (found && found.state === "settled") {
      answer.billed = found;
      answer.requestId = found.request_id || answer.requestId;
      answer.isCounted = true;
      this.page.spent(found.charge);
    }
    if (stopped) answer.reason = "client_closed";
    answer.isWhole = !start;
    answer.note = start ? `${start} ${chargedWords(found)}` : endNote(answer, found);
    answer.mayContinue = Boolean(answer.content) && (Boolean(start) || answer.reason === "length");
    this.follower.around(() => this.end());
    this.page.say(this, start ? answer.note : finished(answer));
  }

  end() {
    this.running = null;
    this.page.ended();
  }

  stop() {
    if (!this.running || this.running.stopped) return;
    this.running.stopped = true;
    this.running.controller.abort();
  }

  // ---------------------------------------------------------------- messages

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.act === "copy-code") {
      copy(button.closest("figure").querySelector("code").textContent, button);
      return;
    }
    const article = button.closest("[data-id]");
    const message = article && this.messages.find((other) => other.id === article.dataset.id);
    if (message && button.dataset.act) ACTS[button.dataset.act](this, message, button);
  }

  /** Other messages than before, and the same control of `message` focused, else the draft. */
  change(messages, message, act) {
    this.messages = messages;
    this.page.show();
    this.page.remember();
    this.focusOn(message, act);
  }

  focusOn(message, act) {
    const button = message && this.log.querySelector(`[data-id="${message.id}"] [data-act="${act}"]`);
    (button || this.page.draft).focus();
  }

  /** Ask anew after these messages; what was there comes back when the request is refused. */
  rerun(asked, pair) {
    const before = this.messages;
    if (asked.length) this.run(asked, () => { this.messages = before; }, pair);
  }
}

const ACTS = {
  copy: (column, message, button) => copy(message.content, button),
  "copy-text": (column, message, button) => copy(column.thread.textOf(message), button),
  "copy-id": (column, message, button) => copy(message.requestId, button),
  retry(column, message) {
    column.rerun(column.messages.slice(0, column.messages.indexOf(message)), message.pair);
  },
  continue(column, message) {
    const upTo = column.messages.slice(0, column.messages.indexOf(message) + 1);
    column.rerun([...upTo, { id: newId(), role: "user", content: CONTINUE }]);
  },
  run(column, message) {
    column.rerun(column.messages.slice(0, column.messages.indexOf(message) + 1));
  },
  delete(column, message) {
    const at = column.messages.indexOf(message);
    const messages = column.messages.filter((other) => other !== message);
    column.change(messages, messages[Math.min(at, messages.length - 1)], "delete");
  },
  edit(column, message) {
    column.thread.edit(message, (content, role, runNow) => {
      const at = column.messages.indexOf(message);
      if (content === null || at < 0) {
        column.focusOn(message, "edit");
        return;
      }
      const changed = { id: newId(), role, content, model: message.model };
      const upTo = [...column.messages.slice(0, at), changed];
      if (runNow) column.rerun(upTo);
      else column.change([...upTo, ...column.messages.slice(at + 1)], changed, "edit");
    });
  },
};

function finished({ billed, times }) {
  const seconds = tenths(times.total);
  if (!billed) return fill(gettext("Answer finished, %(seconds)s seconds"), { seconds });
  return fill(gettext("Answer finished, %(output)s, %(seconds)s seconds"), { output: tokens(billed.output), seconds });
}

function brokenOff(answer, failure) {
  if (failure instanceof Refused) return gettext("The model stopped in the middle of its answer.");
  return fill(gettext("The connection dropped after about %(output)s."), { output: tokens(answer.pieces) });
}

function endNote(answer, found) {
  if (answer.reason === "content_filter") return gettext("The answer was cut by a content filter.");
  if (answer.reason === "length") return gettext("Cut at max output tokens. Raise the limit, or continue.");
  return found ? "" : gettext("The cost could not be read now. It is on the Usage page.");
}

// ---------------------------------------------------------------- two answers to one question

const COMPARED = {
  first: [gettext("faster"), (answer) => answer.times.first],
  total: [gettext("faster"), (answer) => answer.times.total],
  cost: [gettext("cheaper"), (answer, exact) => exact(answer.billed.charge)],
};

/** Mark which of the two last answers was faster and which cheaper; only whole answers to the same question. */
export function judge(columns, exact) {
  const answers = columns.map((column) => column.last).filter((answer) => answer && answer.role === "assistant");
  for (const answer of answers) delete answer.marks;
  const [one, other] = answers;
  if (!other || one.pair !== other.pair || !answers.every((answer) => answer.isWhole && answer.billed)) return;
  for (const [name, [word, measure]] of Object.entries(COMPARED)) {
    const [left, right] = answers.map((answer) => measure(answer, exact));
    if (left === null || right === null || left === right) continue;
    const winner = left < right ? one : other;
    winner.marks = { ...winner.marks, [name]: word };
  }
}

export const counted = (number) =>
  fill(ngettext("%(number)s request", "%(number)s requests", number), { number: count(number) });
