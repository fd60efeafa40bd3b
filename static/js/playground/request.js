// One request to the chat endpoint: send it, read the answer whole or piece by piece, ask what it cost, and what the next
// one would cost.

import { count, Dropped, fill, gettext, money, nano, Refused, tokens } from "./words.js";

export function csrfToken(form) {
  // The cookie is the newer one when somebody logged in again in another tab.
  const cookie = document.cookie.split("; ").find((text) => text.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.split("=")[1]) : form.elements.csrfmiddlewaretoken.value;
}

/** A name for one request, unknown to anybody else: the receipt is asked for by it. */
export function newTurn() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function errorOf(response) {
  try {
    const body = await response.json();
    return body.error || {};
  } catch {
    return { code: response.status === 403 ? "page_expired" : "" };
  }
}

/** Send `request`; returns the response once its status is known. Throws Refused, or TypeError without a connection. */
export async function send(form, request, turn, signal) {
  const response = await fetch(form.dataset.chatUrl, {
    method: "POST",
    credentials: "same-origin",
    redirect: "manual",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": csrfToken(form),
      "X-Playground-Project": form.dataset.project,
      "X-Playground-Turn": turn,
    },
    body: JSON.stringify(request),
    signal,
  });
  if (response.type === "opaqueredirect") throw new Refused(401, { code: "session_ended" }, null);
  if (!response.ok) throw new Refused(response.status, await errorOf(response), response);
  return response;
}

/** The events of a stream, parsed, until [DONE] and the end. Throws Dropped when it ends without [DONE]. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let complete = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      if (part === "data: [DONE]") complete = true;
      else if (part.startsWith("data: ")) yield JSON.parse(part.slice("data: ".length));
    }
  }
  if (!complete) throw new Dropped("The stream ended early.");
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the ledger has for a turn, asked until it is final; null when the server cannot say. */
export async function receipt(form, turn) {
  const began = performance.now();
  for (const wait of [50, 100, 200, 400, 800, 1600, 3000]) {
    await pause(wait);
    const found = await look(form, turn);
    if (found && (found.state === "settled" || found.state === "released")) return found;
    // A request that was never admitted held nothing, so nothing can be charged for it.
    if (found && found.state === "unknown" && performance.now() - began > 1500) return { ...found, state: "released" };
  }
  return null;
}

async function look(form, turn) {
  try {
    const response = await fetch(form.dataset.receiptUrl.replace("TURN", turn), {
      credentials: "same-origin",
      redirect: "manual",
    });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- the answer

/** An answer that is about to come; `began` is performance.now() of the request. */
export function expected(id, model, pair) {
  return {
    id, role: "assistant", content: "", model, pair, running: true, pieces: 0, began: performance.now(),
    times: { first: null, total: null },
  };
}

/** Fill `answer` from a JSON body. */
export async function readWhole(response, answer) {
  const body = await response.json();
  const [choice] = body.choices;
  answer.content = choice.message.content || "";
  answer.thought = choice.message.reasoning_content || "";
  answer.reason = choice.finish_reason;
}

/** Fill `answer` from a stream, calling `changed` after every event; throws what the stream says went wrong. */
export async function readStream(response, answer, changed) {
  try {
    for await (const event of events(response)) {
      if (event.error) throw new Refused(500, event.error, response);
      if (event.meterhouse) takeBill(event.meterhouse, answer);
      else takeChunk(event, answer);
      changed();
    }
  } finally {
    if (answer.thought && !answer.thoughtFor) answer.thoughtFor = performance.now() - answer.began;
  }
}

function takeBill(figures, answer) {
  const { input, cached, output, reasoning, charge_usd: charge } = figures;
  answer.billed = { state: "settled", input, cached, output, reasoning, charge };
}

function takeChunk(event, answer) {
  const [choice] = event.choices || [];
  if (!choice) return;
  if (choice.finish_reason) answer.reason = choice.finish_reason;
  const { content, reasoning_content: thought } = choice.delta || {};
  if (!content && !thought) return;
  answer.times.first ??= performance.now() - answer.began;
  answer.pieces += 1;
  if (thought) {
    answer.thought = (answer.thought || "") + thought;
    answer.thoughtPieces = (answer.thoughtPieces || 0) + 1;
  }
  if (!content) return;
  if (answer.thought && !answer.thoughtFor) answer.thoughtFor = performance.now() - answer.began;
  answer.content += content;
}

// ---------------------------------------------------------------- the next request

// What it would take, asked of the server when somebody pauses: no price is ever applied in the browser.
const PAUSE = 500;
// Beyond this a request is not sent along just to be counted.
const MOST_CHARACTERS = 400_000;

function words({ tokens: input, context, most_usd: most }) {
  if (input === undefined) return "";
  if (context !== undefined) {
    const text = gettext("this conversation is about %(input)s; the model reads %(most)s, remove earlier messages");
    return fill(text, { input: tokens(input), most: count(context) });
  }
  return fill(gettext("about %(input)s, at most %(cost)s"), { input: tokens(input), cost: money(nano(most)) });
}

export class Estimate {
  /** `requests()`: the requests that would be sent now, with the letter of their column where there are two. */
  constructor(node, form, requests) {
    this.node = node;
    this.form = form;
    this.requests = requests;
    this.timer = 0;
    this.round = 0;
    this.asked = "";
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), PAUSE);
  }

  clear() {
    clearTimeout(this.timer);
    this.round += 1;
    this.asked = "";
    this.node.textContent = "";
  }

  async now() {
    const wanted = this.requests();
    const asked = JSON.stringify(wanted);
    if (asked === this.asked) return;
    this.asked = asked;
    this.round += 1;
    const { round } = this;
    const found = asked.length > MOST_CHARACTERS ? [] : await Promise.all(wanted.map(({ request }) => this.ask(request)));
    if (round !== this.round) return;
    const said = found.map((one, index) => [wanted[index].letter, words(one)]).filter(([, text]) => text);
    const shown = said.map(([letter, text]) => (letter ? `${letter}: ${text}` : text)).join(" · ");
    this.node.textContent = shown && fill(gettext("Next request: %(estimate)s"), { estimate: shown });
    this.node.classList.toggle("pg-few", found.some(({ context }) => context !== undefined));
  }

  async ask(request) {
    try {
      const response = await fetch(this.form.dataset.estimateUrl, {
        method: "POST",
        credentials: "same-origin",
        redirect: "manual",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken(this.form) },
        body: JSON.stringify(request),
      });
      return response.ok ? await response.json() : {};
    } catch {
      return {};
    }
  }
}
