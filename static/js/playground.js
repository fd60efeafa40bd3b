// The playground: conversations with one model or two, through the same door and the same ledger as every API key.

import { Column, counted, judge, newId } from "./playground/conversation.js";
import { Estimate } from "./playground/request.js";
import { changedValues, Memory, Settings } from "./playground/settings.js";
import { addedUp, count, explain, fill, gettext, money, nano, seconds } from "./playground/words.js";

const $ = (id) => document.getElementById(id);
const form = $("pg-composer");
const draft = $("pg-message");
const sendButton = $("pg-send");
const app = $("pg-app");
const withCtrl = $("pg-ctrl-enter");

const memory = new Memory(form.dataset.owner);
const saved = memory.read();
let session = saved.session || { requests: 0, charge: "0" };
let blockedUntil = 0;

// What the columns need of the page.
const page = {
  form,
  draft,
  place: {
    loginUrl: form.dataset.loginUrl,
    billingUrl: form.dataset.billingUrl,
    limitsUrl: form.dataset.limitsUrl,
    factorUrl: form.dataset.factorUrl,
    helpUrl: form.dataset.helpUrl,
    project: form.dataset.projectName,
    organization: form.dataset.organizationName,
  },
  comparing: Boolean(saved.settings && saved.settings.comparing),
  show: showAll,
  remember,
  say,
  showLimits,
  showTabs,
  mayNotSend: (sides) => Date.now() < blockedUntil || page.settings.firstWrong(sides),
  wait(many) {
    blockedUntil = Date.now() + many * 1000;
    showSend();
  },
  spent(charge) {
    session = { requests: session.requests + 1, charge: addedUp(session.charge, charge) };
  },
  ended() {
    if (page.comparing) judge(columns(), nano);
    showAll();
    remember();
  },
  /** A column's request was refused; what was asked stands in the draft, or in the column alone. */
  again(column) {
    if (draft.value.trim() || !page.comparing) go();
    else if (column.last && column.last.role === "user") column.rerun(column.messages);
  },
};
page.settings = new Settings($("pg-settings"), { a: $("pg-model"), b: $("pg-model-b") }, () => {
  showModels();
  remember();
});

const every = { a: new Column("a", page), b: new Column("b", page) };
const columns = () => (page.comparing ? [every.a, every.b] : [every.a]);
const busy = () => columns().some((column) => column.running);

// What is typed, or the last message that is not answered yet.
const estimate = new Estimate($("pg-estimate"), form, () =>
  columns()
    .filter((column) => draft.value.trim() || (column.last && column.last.role === "user"))
    .map((column) => ({ letter: page.comparing ? column.side.toUpperCase() : "", request: shownRequest(column) })));

function remember() {
  if (!busy()) estimate.soon();
  const kept = Object.fromEntries(columns().map((column) => [column.side, column.kept]));
  const { saved: settings } = page.settings;
  const all = { messages: kept, draft: draft.value, settings, session, withCtrl: withCtrl.checked };
  $("pg-too-long").hidden = memory.write(all);
}

// ---------------------------------------------------------------- showing

/** Speak to a screen reader; the same words again would be read again. */
function say(column, words) {
  if (app.dataset.announces !== "yes") return;
  const said = words && page.comparing ? `${column.side.toUpperCase()}: ${words}` : words;
  if ($("pg-status").textContent !== said) $("pg-status").textContent = said;
}

function showModels() {
  for (const column of Object.values(every)) column.showModel();
  showTabs();
  for (const button of document.querySelectorAll("[data-own]")) {
    button.setAttribute("aria-pressed", String(page.settings.isSplit));
  }
}

/** What happens in the column that a phone does not show stands on its tab. */
function showTabs() {
  for (const tab of document.querySelectorAll("[data-column]")) {
    const column = every[tab.dataset.column];
    const state = column.running ? ` · ${gettext("answering")}` : column.hasFailed ? ` · ${gettext("failed")}` : "";
    tab.textContent = `${tab.dataset.column.toUpperCase()}: ${page.settings.model(column.side)}${state}`;
  }
}

function showAll() {
  for (const column of columns()) column.show();
  showTabs();
  if (busy()) estimate.clear();
  const { requests, charge } = session;
  $("pg-session").textContent = requests
    ? fill(gettext("This session: %(requests)s, %(cost)s"), { requests: counted(requests), cost: money(nano(charge)) })
    : "";
  $("pg-clear").hidden = columns().every((column) => column.messages.length === 0);
  $("pg-clear").disabled = busy();
  for (const id of ["pg-compare", "pg-open-presets"]) $(id).disabled = busy();
  for (const button of document.querySelectorAll("[data-continue]")) button.disabled = busy();
  showSend();
  fitDraft();
}

function showComparing() {
  app.classList.toggle("pg-comparing", page.comparing);
  $("pg-column-b").hidden = !page.comparing;
  $("pg-tabs").hidden = !page.comparing;
  $("pg-two").hidden = !page.comparing;
  $("pg-compare").setAttribute("aria-pressed", String(page.comparing));
  for (const node of document.querySelectorAll("[data-comparing]")) node.hidden = !page.comparing;
  draft.placeholder = page.comparing ? draft.dataset.both : draft.dataset.one;
  showTab("a");
  showModels();
}

/** On a phone one column is on screen at a time. */
function showTab(side) {
  app.dataset.shown = side;
  for (const tab of document.querySelectorAll("[data-column]")) {
    const active = tab.dataset.column === side;
    tab.setAttribute("aria-selected", String(active));
    tab.tabIndex = active ? 0 : -1;
    tab.classList.toggle("active", active);
  }
}

function showSend() {
  const running = busy();
  const wait = running ? 0 : Math.ceil((blockedUntil - Date.now()) / 1000);
  sendButton.firstChild.textContent = running
    ? gettext("Stop")
    : wait > 0 ? fill(gettext("Send in %(wait)s s"), { wait }) : gettext("Send");
  $("pg-esc").hidden = !running || app.dataset.shortcuts !== "yes";
  sendButton.classList.toggle("btn-danger", running);
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
  const words = few
    ? gettext("Only %(left)s of %(most)s requests left this minute")
    : gettext("%(left)s of %(most)s requests left this minute");
  const full = reset ? fill(gettext(", full again in %(wait)s s"), { wait: Math.ceil(reset) }) : "";
  node.textContent = fill(words, { left: count(left), most: count(most) }) + full;
  node.classList.toggle("pg-few", few);
}

// ---------------------------------------------------------------- asking

/** Send the draft, or ask again for an answer to the last message. */
function go() {
  if (busy() || page.mayNotSend(columns().map((column) => column.side))) return;
  const text = draft.value;
  const waiting = columns().filter((column) => column.last && column.last.role === "user");
  if (text.trim()) sendDraft(text);
  else if (waiting.length) sendToAll(waiting, (column) => column.messages, () => {});
  else draft.focus();
}

function sendDraft(text) {
  const before = columns().map((column) => [column, column.messages]);
  draft.value = "";
  const asked = (column) => [...column.messages, { id: newId(), role: "user", content: text }];
  sendToAll(columns(), asked, () => {
    for (const [column, messages] of before) column.messages = messages;
    // What was typed meanwhile stays, behind it.
    draft.value = [text, draft.value].filter(Boolean).join("\n");
  });
  draft.focus({ preventScroll: true });
}

/** Start together. Where every column is refused nothing was sent; else a refused one keeps the message for another try. */
async function sendToAll(asking, asked, undo) {
  const pair = newId();
  const isAlone = asking.length === 1;
  const begun = await Promise.all(asking.map((column) => column.run(asked(column), isAlone ? undo : () => {}, pair)));
  if (isAlone || begun.some(Boolean)) return;
  undo();
  showAll();
  remember();
}

// ---------------------------------------------------------------- comparing

function compare(on) {
  page.comparing = on;
  if (on) {
    every.b.messages = every.a.messages.map((message) => ({ ...message, id: newId() }));
    every.b.forgetFailure();
    chooseAnother();
  }
  page.settings.compare(on);
  showComparing();
  showAll();
  remember();
}

/** The second column starts with another model than the first, where there is one. */
function chooseAnother() {
  if (every.b.at("model").value !== every.a.at("model").value) return;
  const other = [...every.b.at("model").options].find((one) => !one.disabled && one.value !== every.a.at("model").value);
  if (other) every.b.at("model").value = other.value;
}

/** One column goes on alone, with its model, its settings and its messages. */
function continueWith(side) {
  every.a.messages = every[side].messages.map(({ marks: _marks, ...message }) => message);
  every.a.forgetFailure();
  page.settings.keep(side);
  compare(false);
  draft.focus();
}

$("pg-compare").addEventListener("click", () => compare(!page.comparing));

for (const button of document.querySelectorAll("[data-continue]")) {
  button.addEventListener("click", () => continueWith(button.dataset.continue));
}
for (const button of document.querySelectorAll("[data-own]")) {
  button.addEventListener("click", () => {
    page.settings.split(button.dataset.own);
    page.settings.open();
    $("pg-system").focus();
  });
}
for (const button of document.querySelectorAll("[data-stop-one]")) {
  button.addEventListener("click", () => {
    every[button.dataset.stopOne].stop();
    draft.focus();
  });
}

$("pg-tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[data-column]");
  if (tab) showTab(tab.dataset.column);
});
$("pg-tabs").addEventListener("keydown", (event) => {
  if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  event.preventDefault();
  showTab(app.dataset.shown === "a" ? "b" : "a");
  $(`pg-tab-${app.dataset.shown}`).focus();
});

// ---------------------------------------------------------------- controls

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (busy()) stop();
  else go();
});

function stop() {
  for (const column of columns()) column.stop();
}

draft.addEventListener("keydown", (event) => {
  // While an input method composes, Enter belongs to it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  if (withCtrl.checked && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  go();
});

function showKeys() {
  $("pg-hint").textContent = withCtrl.checked ? $("pg-hint").dataset.ctrl : $("pg-hint").dataset.enter;
}

withCtrl.addEventListener("change", () => {
  showKeys();
  remember();
});

draft.addEventListener("input", () => {
  fitDraft();
  remember();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && app.dataset.shortcuts === "yes" && !document.querySelector("dialog[open]")) stop();
});

$("pg-clear").addEventListener("click", () => {
  for (const column of columns()) column.clear();
  showAll();
  remember();
  draft.focus();
});

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-view]")) {
      const active = other.dataset.view === button.dataset.view;
      other.setAttribute("aria-pressed", String(active));
      other.classList.toggle("active", active);
    }
    for (const column of Object.values(every)) column.thread.setRendered(button.dataset.view === "rendered");
  });
}

window.addEventListener("beforeunload", (event) => {
  if (busy()) event.preventDefault();
});

/** The request of a column as it would be sent now, or the last one that was sent when nothing is typed. */
function shownRequest(column = every[page.comparing ? app.dataset.shown : "a"]) {
  const said = column.spoken;
  if (draft.value.trim()) said.push({ role: "user", content: draft.value });
  while (said.length && said[said.length - 1].role !== "user") said.pop();
  return page.settings.request(column.side, said.length ? said : [{ role: "user", content: gettext("Hello!") }]);
}

let openCode = null;

$("pg-show-code").addEventListener("click", async () => {
  try {
    const { codeDialog } = await import("./playground/code.js");
    openCode ||= codeDialog($("pg-code"), form.dataset.baseUrl, shownRequest);
    openCode();
  } catch (error) {
    every.a.showFailure(explain(error, page.place));
  }
});

// ---------------------------------------------------------------- presets

let presets = null;

/** The side whose values are in the panel. */
const shownColumn = () => every[page.settings.shown];

async function presetsDialog() {
  const { Presets } = await import("./playground/presets.js");
  presets ||= new Presets($("pg-presets"), {
    form,
    now: () => ({
      model: page.settings.model(shownColumn().side),
      parameters: changedValues(page.settings.values),
      messages: shownColumn().spoken,
    }),
    use: usePreset,
    changed: showPreset,
  });
  return presets;
}

function usePreset(preset) {
  const { side } = shownColumn();
  page.settings.take(side, preset.parameters);
  const isThere = page.settings.choose(side, preset.model);
  page.settings.mark("model", isThere ? "" : fill(gettext("Uses %(model)s, retired. Choose a model."), preset), side);
  if (preset.messages.length) {
    for (const column of page.settings.isSplit ? [every[side]] : columns()) {
      column.messages = preset.messages.map((message) => ({ ...message, id: newId() }));
      column.forgetFailure();
    }
  }
  showPreset();
  showModels();
  showAll();
  remember();
  if (isThere) draft.focus();
  else every[side].at("model").focus();
}

function showPreset() {
  const active = presets && presets.active;
  $("pg-preset").textContent = active ? fill(gettext("Preset: %(name)s"), active) : "";
}

$("pg-open-presets").addEventListener("click", async () => {
  try {
    await (await presetsDialog()).open();
  } catch (error) {
    every.a.showFailure(explain(error, page.place));
  }
});

// A reload must not throw away the conversation that came after the link.
if (form.dataset.preset) {
  window.history.replaceState(null, "", `${window.location.pathname}?project=${form.dataset.project}`);
  presetsDialog().then((dialog) => dialog.openLink(form.dataset.preset));
}

// ---------------------------------------------------------------- start

// Beside the conversation on a wide screen, folded away on a narrow one.
const wide = window.matchMedia("(min-width: 901px)");
const placePanel = () => { $("pg-settings").open = wide.matches; };
wide.addEventListener("change", placePanel);
placePanel();

page.settings.restore(saved.settings || {});
// A link to a model; a reload keeps what is chosen after it.
if (form.dataset.model) {
  page.settings.choose("a", form.dataset.model);
  page.settings.modelChanged("a");
  window.history.replaceState(null, "", `${window.location.pathname}?project=${form.dataset.project}`);
}
for (const column of columns()) column.messages = (saved.messages && saved.messages[column.side]) || [];
draft.value = saved.draft || "";
withCtrl.checked = Boolean(saved.withCtrl);
showKeys();
app.hidden = false;
for (const id of ["pg-show-code", "pg-compare", "pg-open-presets"]) $(id).hidden = false;
showComparing();
showAll();
estimate.soon();
for (const column of columns()) column.follower.toEnd();
