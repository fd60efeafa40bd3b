// One conversation with one model: its messages, the request under way, and what went wrong with it.

import { fill, gettext, ngettext } from "./language.js";
import { expected, newTurn, readStream, readWhole, receipt, Refused, send } from "./stream.js";
import { chargedWords, copy, Follower, Painter, Thread } from "./thread.js";
import { count, explain, hideNotice, showNotice, tokens } from "./words.js";

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
  const seconds = (times.total / 1000).toFixed(1);
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
