// The playground: one conversation with one model, through the same door and the same ledger as every API key.

import { Memory, Settings } from "./playground/settings.js";
import { expected, newTurn, readStream, readWhole, receipt, Refused, send } from "./playground/stream.js";
import { chargedWords, copy, Follower, Painter, Thread } from "./playground/thread.js";
import { addedUp, count, explain, hideNotice, money, nano, seconds, showNotice, tokens } from "./playground/words.js";

const SILENT_AFTER = 60_000;

const $ = (id) => document.getElementById(id);
const form = $("pg-composer");
const draft = $("pg-message");
const sendButton = $("pg-send");
const log = $("pg-log");
const place = {
  loginUrl: form.dataset.loginUrl,
  project: form.dataset.projectName,
  organization: form.dataset.organizationName,
};

const memory = new Memory(form.dataset.owner);
const saved = memory.read();
let messages = saved.messages || [];
let session = saved.session || { requests: 0, charge: "0" };
// {controller, turn, stopped, silence} of the request under way.
let running = null;
let blockedUntil = 0;

const thread = new Thread(log, $("pg-empty"));
const follower = new Follower(log, form, $("pg-latest"));
const settings = new Settings($("pg-settings"), $("pg-model"), () => {
  showModel();
  remember();
});

const newId = () => crypto.getRandomValues(new Uint32Array(2)).join("");
// An answer that was stopped before its first token says nothing to the model.
const spoken = () => messages.filter(({ content }) => content).map(({ role, content }) => ({ role, content }));

function remember() {
  const kept = messages.map(({ running: _running, pieces: _pieces, ...message }) => message);
  $("pg-too-long").hidden = memory.write({ messages: kept, draft: draft.value, settings: settings.saved, session });
}

// ---------------------------------------------------------------- showing

/** Speak to a screen reader; the same words again would be read again. */
function say(words) {
  if ($("pg-status").textContent !== words) $("pg-status").textContent = words;
}

function showModel() {
  const { words, demo } = settings.facts;
  $("pg-model-facts").textContent = words || "";
  if ($("pg-demo")) $("pg-demo").hidden = demo !== "yes";
}

function showAll() {
  thread.show(messages);
  const { requests, charge } = session;
  const noun = requests === 1 ? "request" : "requests";
  $("pg-session").textContent = requests ? `This session: ${count(requests)} ${noun}, ${money(nano(charge))}` : "";
  $("pg-clear").hidden = messages.length === 0;
  const busy = Boolean(running);
  log.setAttribute("aria-busy", String(busy));
  for (const button of log.querySelectorAll("[data-act]")) {
    button.disabled = busy && !button.dataset.act.startsWith("copy");
  }
  $("pg-clear").disabled = busy;
  follower.live = busy;
  if (!busy) $("pg-latest").hidden = true;
  showSend();
  fitDraft();
}

function showSend() {
  const wait = running ? 0 : Math.ceil((blockedUntil - Date.now()) / 1000);
  sendButton.firstChild.textContent = running ? "Stop" : wait > 0 ? `Send in ${wait} s` : "Send";
  $("pg-esc").hidden = !running;
  sendButton.classList.toggle("btn-danger", Boolean(running));
  sendButton.classList.toggle("btn-primary", !running);
  sendButton.setAttribute("aria-disabled", String(wait > 0));
  if (wait > 0) setTimeout(showSend, 250);
}

function fitDraft() {
  draft.style.height = "auto";
  draft.style.height = `${Math.min(draft.scrollHeight, window.innerHeight * 0.4)}px`;
}

function showLimits(response) {
  const left = response.headers.get("x-ratelimit-remaining-requests");
  const most = response.headers.get("x-ratelimit-limit-requests");
  if (left === null || most === null) return;
  const reset = seconds(response.headers.get("x-ratelimit-reset-requests"));
  const few = left * 10 < most;
  const node = $("pg-limits");
  node.textContent =
    `${few ? "Only " : ""}${count(left)} of ${count(most)} requests left this minute` +
    (reset ? `, full again in ${Math.ceil(reset)} s` : "");
  node.classList.toggle("pg-few", few);
}

function showFailure(words) {
  showNotice($("pg-error"), words, {
    retry: go,
    reload: () => window.location.reload(),
    model: () => $("pg-model").focus(),
  });
  if (words.field) settings.mark(words.field, words.text);
  if (words.wait) blockedUntil = Date.now() + words.wait * 1000;
  showSend();
}

// ---------------------------------------------------------------- asking

/** Send the draft, or ask again for an answer to the last message. */
function go() {
  const text = draft.value;
  const last = messages[messages.length - 1];
  if (text.trim()) {
    const before = messages;
    draft.value = "";
    run([...messages, { id: newId(), role: "user", content: text }], () => {
      messages = before;
      // What was typed meanwhile stays, behind it.
      draft.value = [text, draft.value].filter(Boolean).join("\n");
    });
  } else if (last && last.role === "user") {
    run(messages, () => {});
  } else {
    draft.focus();
  }
}

/** Ask for the next message of `asked`; `undo` brings back what was there when the request is refused. */
async function run(asked, undo) {
  if (running || Date.now() < blockedUntil || settings.firstWrong()) {
    undo();
    showAll();
    return;
  }
  messages = asked;
  const request = settings.request(spoken());
  const answer = expected(newId(), request.model);
  running = { controller: new AbortController(), turn: newTurn(), stopped: false, silence: 0 };
  messages = [...messages, answer];
  hideNotice($("pg-error"));
  showAll();
  follower.toEnd();
  draft.focus({ preventScroll: true });
  const failure = await attempt(request, answer).catch((error) => error);
  watchSilence(false);
  answer.times.total = performance.now() - answer.began;
  if (failure && !running.stopped && answer.times.first === null) {
    undo();
    messages = messages.filter((message) => message !== answer);
    end();
    say("");
    showFailure(explain(failure, place));
  } else {
    await finish(answer, failure);
  }
}

/** Ask and read; throws what stopped it. */
async function attempt(request, answer) {
  watchSilence(true);
  const response = await send(form, request, running.turn, running.controller.signal);
  answer.requestId = response.headers.get("x-request-id");
  showLimits(response);
  if (!request.stream) {
    await readWhole(response, answer);
    return null;
  }
  const painter = new Painter(() => follower.around(() => thread.update(answer)));
  try {
    await readStream(response, answer, () => {
      if (answer.pieces === 1) say("Answer started");
      watchSilence(true);
      painter.soon();
    });
  } finally {
    painter.now();
  }
  return null;
}

function watchSilence(on) {
  clearTimeout(running.silence);
  $("pg-silent").hidden = true;
  if (on) running.silence = setTimeout(() => { $("pg-silent").hidden = false; }, SILENT_AFTER);
}

/** Show what the ledger has, also for an answer that was stopped or broke off. */
async function finish(answer, failure) {
  const { turn, stopped } = running;
  answer.running = false;
  const start = stopped ? "Stopped." : failure ? brokenOff(answer, failure) : "";
  if (start) answer.note = `${start} Counting what was produced…`;
  follower.around(() => thread.update(answer));
  const found = answer.billed || (await receipt(form, turn));
  if (found && found.state === "settled") {
    answer.billed = found;
    answer.requestId = found.request_id || answer.requestId;
    session = { requests: session.requests + 1, charge: addedUp(session.charge, found.charge) };
  }
  if (stopped) answer.reason = "client_closed";
  answer.note = start ? `${start} ${chargedWords(found)}` : endNote(answer, found);
  follower.around(end);
  const spent = `${(answer.times.total / 1000).toFixed(1)} seconds`;
  const output = answer.billed ? `${tokens(answer.billed.output)}, ` : "";
  say(start ? answer.note : `Answer finished, ${output}${spent}`);
}

function brokenOff(answer, failure) {
  if (failure instanceof Refused) return "The model stopped in the middle of its answer.";
  return `The connection dropped after about ${tokens(answer.pieces)}.`;
}

function endNote(answer, found) {
  if (answer.reason === "content_filter") return "The answer was cut by a content filter.";
  if (answer.reason === "length") return "Cut at max output tokens. Raise the limit, or send “continue”.";
  return found ? "" : "The cost could not be read now. It is on the Usage page.";
}

function end() {
  running = null;
  showAll();
  remember();
}

function stop() {
  if (!running || running.stopped) return;
  running.stopped = true;
  running.controller.abort();
}

// ---------------------------------------------------------------- messages

function focusOn(message, act) {
  const button = message && log.querySelector(`[data-id="${message.id}"] [data-act="${act}"]`);
  (button || draft).focus();
}

const ACTS = {
  copy: (message, button) => copy(message.content, button),
  "copy-id": (message, button) => copy(message.requestId, button),
  retry(message) {
    const before = messages;
    const asked = messages.slice(0, messages.indexOf(message));
    if (asked.length) run(asked, () => { messages = before; });
  },
  delete(message) {
    const at = messages.indexOf(message);
    messages = messages.filter((other) => other !== message);
    showAll();
    remember();
    focusOn(messages[Math.min(at, messages.length - 1)], "delete");
  },
  edit(message) {
    thread.edit(message, (content, role, runNow) => {
      const at = messages.indexOf(message);
      if (content === null || at < 0) {
        focusOn(message, "edit");
        return;
      }
      const before = messages;
      const changed = { id: newId(), role, content, model: message.model };
      if (runNow) {
        run([...messages.slice(0, at), changed], () => { messages = before; });
        return;
      }
      messages = [...messages.slice(0, at), changed, ...messages.slice(at + 1)];
      showAll();
      remember();
      focusOn(changed, "edit");
    });
  },
};

log.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.act === "copy-code") {
    copy(button.closest("figure").querySelector("code").textContent, button);
    return;
  }
  const article = button.closest("[data-id]");
  const message = article && messages.find((other) => other.id === article.dataset.id);
  if (message && button.dataset.act) ACTS[button.dataset.act](message, button);
});

// ---------------------------------------------------------------- controls

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) stop();
  else if (Date.now() >= blockedUntil) go();
});

draft.addEventListener("keydown", (event) => {
  // While an input method composes, Enter belongs to it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if (!running && Date.now() >= blockedUntil) go();
});

draft.addEventListener("input", () => {
  fitDraft();
  remember();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) stop();
});

$("pg-clear").addEventListener("click", () => {
  messages = [];
  hideNotice($("pg-error"));
  showAll();
  remember();
  draft.focus();
});

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-view]")) {
      other.setAttribute("aria-pressed", String(other === button));
      other.classList.toggle("active", other === button);
    }
    thread.setRendered(button.dataset.view === "rendered");
  });
}

window.addEventListener("beforeunload", (event) => {
  if (running) event.preventDefault();
});

/** The request as it would be sent now, or the last one that was sent when nothing is typed. */
function shownRequest() {
  const said = spoken();
  if (draft.value.trim()) said.push({ role: "user", content: draft.value });
  while (said.length && said[said.length - 1].role !== "user") said.pop();
  return settings.request(said.length ? said : [{ role: "user", content: "Hello!" }]);
}

let openCode = null;

$("pg-show-code").addEventListener("click", async () => {
  try {
    const { codeDialog } = await import("./playground/code.js");
    openCode ||= codeDialog($("pg-code"), form.dataset.baseUrl, shownRequest);
    openCode();
  } catch (error) {
    showFailure(explain(error, place));
  }
});

// ---------------------------------------------------------------- start

// Beside the conversation on a wide screen, folded away on a narrow one.
const wide = window.matchMedia("(min-width: 901px)");
const placePanel = () => { $("pg-settings").open = wide.matches; };
wide.addEventListener("change", placePanel);
placePanel();

settings.restore(saved.settings || {});
draft.value = saved.draft || "";
$("pg-app").hidden = false;
$("pg-show-code").hidden = false;
showModel();
showAll();
follower.toEnd();
