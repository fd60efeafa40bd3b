// What the next request would take, asked of the server when somebody pauses: no price is ever applied in the browser.

import { fill, gettext } from "./language.js";
import { csrfToken } from "./stream.js";
import { count, money, nano, tokens } from "./words.js";

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
