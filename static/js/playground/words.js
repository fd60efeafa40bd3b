// What the page says: in the reader's language, with numbers as the console writes them, and every failure in plain words
// with its fix.

// ---------------------------------------------------------------- language

// The catalog that the page names in another language than English, else the English of the source.
const { django } = globalThis;

export const gettext = (text) => (django && django.gettext ? django.gettext(text) : text);
export const ngettext = (one, many, number) =>
  django && django.ngettext ? django.ngettext(one, many, number) : number === 1 ? one : many;

/** The text with %(name)s replaced by values. */
export const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));

// ---------------------------------------------------------------- numbers

// Amounts arrive as exact decimal strings from the ledger; here they are only shortened for the eye.
const NANO_DIGITS = 9;
const counts = new Intl.NumberFormat("en-US");
// Between thousands, and before decimals, as the person chose.
const marks = document.documentElement.dataset.marks || ",.";

const written = (text) => text.replace(/[,.]/g, (mark) => (mark === "," ? marks[0] : marks[1]));

export const count = (number) => written(counts.format(number));

/** Nano-USD of an exact decimal string such as "0.000217". */
export function nano(usd) {
  const [whole, fraction = ""] = usd.split(".");
  return BigInt(whole + fraction.padEnd(NANO_DIGITS, "0").slice(0, NANO_DIGITS));
}

/** The exact sum of two such strings. */
export function addedUp(one, other) {
  const digits = (nano(one) + nano(other)).toString().padStart(NANO_DIGITS + 1, "0");
  return `${digits.slice(0, -NANO_DIGITS)}.${digits.slice(-NANO_DIGITS)}`;
}

/** An amount as the console writes it: two decimals from $1 on, four from $0.01 on, below that six. */
export function money(amount) {
  if (amount === 0n) return written("$0.00");
  if (amount < 1_000n) return written("<$0.000001");
  const places = amount >= 1_000_000_000n ? 2 : amount >= 10_000_000n ? 4 : 6;
  const unit = 10n ** BigInt(NANO_DIGITS - places);
  const rest = amount % unit;
  const up = rest * 2n > unit || (rest * 2n === unit && (amount / unit) % 2n === 1n);
  const digits = (amount / unit + (up ? 1n : 0n)).toString().padStart(places + 1, "0");
  return written(`$${counts.format(BigInt(digits.slice(0, -places)))}.${digits.slice(-places)}`);
}

/** Seconds with one decimal. */
export const tenths = (ms) => written((ms / 1000).toFixed(1));

/** A duration in milliseconds: 840 ms, 1.24 s, 1 min 12 s. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return written(`${(ms / 1000).toFixed(2)} s`);
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export const tokens = (number) =>
  fill(ngettext("%(number)s token", "%(number)s tokens", number), { number: count(number) });

/** Seconds of a header such as 120ms, 1s or 6m0s. */
export function seconds(text) {
  const found = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?$/.exec(text || "");
  if (!found || !text) return null;
  const [, hours = 0, minutes = 0, whole = 0, milli = 0] = found;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(whole) + Number(milli) / 1000;
}

// ---------------------------------------------------------------- failures: {text, fixes, field, wait in seconds}

/** What the server refused or failed at: `status` is HTTP's, the rest the error object's. */
export class Refused extends Error {
  constructor(status, error, response) {
    super(error.message || `HTTP ${status}`);
    this.status = status;
    this.code = error.code || "";
    this.param = error.param || "";
    this.limit = error.limit || null;
    this.requestId = response ? response.headers.get("x-request-id") || "" : "";
    this.retryAfter = response ? Number(response.headers.get("retry-after")) || 0 : 0;
  }
}

/** The connection ended before the answer did. */
export class Dropped extends Error {}

const TRY_AGAIN = { kind: "retry", label: gettext("Try again") };
const OTHER_MODEL = { kind: "model", label: gettext("Choose a model") };
const FIELDS = { max_completion_tokens: "max_tokens", model: "model", seed: "seed", stop: "stop", top_p: "top_p" };

function field(param) {
  if (["temperature", "max_tokens"].includes(param)) return param;
  return FIELDS[param] || "";
}

function tooLong(error) {
  const found = /maximum context length is (\d+) tokens.*?requested (\d+) tokens/s.exec(error.message);
  const words = found
    ? fill(gettext("This conversation and the answer are about %(asked)s tokens; the model reads %(most)s."), {
      asked: count(Number(found[2])), most: count(Number(found[1])),
    })
    : gettext("This conversation is longer than the model reads.");
  const fix = gettext("Remove earlier messages or lower max output tokens.");
  return { text: `${words} ${fix}`, fixes: [], field: "max_tokens" };
}

function badRequest(error) {
  if (error.code === "context_length_exceeded") return tooLong(error);
  const text = fill(gettext("The model did not accept this request: %(why)s"), { why: error.message });
  return { text, fixes: [], field: field(error.param) };
}

function unauthorized(error, place) {
  if (error.code === "session_ended") {
    return {
      text: gettext("Your session ended. Log in again; your text is kept."),
      fixes: [{ kind: "link", label: gettext("Log in"), href: place.loginUrl }],
    };
  }
  return {
    text: fill(gettext("The playground's key does not work in %(project)s. Choose another project or ask an owner."), place),
    fixes: [],
  };
}

/** The control that leads to `href`, for those who may use it. */
const link = (label, href) => (href ? [{ kind: "link", label, href }] : []);

const LIMITS = {
  key: gettext("Playground key limit of %(limit)s reached, with %(used)s used or set aside."),
  project: gettext("Project limit of %(limit)s reached, with %(used)s used or set aside."),
  organization: gettext("Organization limit of %(limit)s reached, with %(used)s used or set aside."),
};

function limitReached(limit, message, place) {
  const counts = message.includes(" tokens") ? gettext("%(number)s tokens") : gettext("%(number)s requests");
  const unit = (number) => (message.includes(`$${limit.limit}`) ? `$${number}` : fill(counts, { number }));
  const text = [fill(LIMITS[limit.scope] || LIMITS.organization, { limit: unit(limit.limit), used: unit(limit.used) })];
  if (limit.resets_at) text.push(fill(gettext("Resets %(at)s."), { at: when(limit.resets_at) }));
  if (!place.limitsUrl) text.push(gettext("Ask an owner to raise it."));
  return { text: text.join(" "), fixes: [...link(gettext("Raise limit"), place.limitsUrl), TRY_AGAIN] };
}

function unpaid(error, place) {
  const { limit, message } = error;
  if (limit && limit.name !== "credit") return limitReached(limit, message, place);
  const left = limit ? nano(limit.limit) - nano(limit.used) : null;
  const isEmpty = left !== null && left <= 0n;
  const text = [];
  if (left === null) text.push(gettext("There is not enough credit for this request."));
  else if (isEmpty) text.push(gettext("Balance is $0.00."));
  else text.push(fill(gettext("Balance is %(left)s, not enough for this request."), { left: money(left) }));
  if (limit && limit.resets_at) text.push(fill(gettext("Free credit comes again on %(at)s."), { at: when(limit.resets_at) }));
  if (message.includes("Confirm your e-mail")) text.push(gettext("Credit waits until your e-mail address is confirmed."));
  if (isEmpty) text.push(place.billingUrl ? gettext("Add balance.") : gettext("Ask an owner to add balance."));
  else if (place.billingUrl) text.push(gettext("Add balance, or lower max output tokens."));
  else text.push(gettext("Ask an owner to add balance, or lower max output tokens."));
  return {
    text: text.join(" "),
    fixes: [...link(gettext("Add balance"), place.billingUrl), TRY_AGAIN],
    field: isEmpty ? "" : "max_tokens",
  };
}

function when(iso) {
  const date = new Date(iso);
  const words = date.toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
  });
  return `${words} UTC`;
}

function forbidden(error, place) {
  const reload = { kind: "reload", label: gettext("Reload the page") };
  const words = {
    page_expired: { text: gettext("This page was open too long. Nothing was sent. Reload it; your text is kept."), fixes: [reload] },
    organization_suspended: { text: fill(gettext("%(organization)s is suspended. Its requests fail until an owner settles it."), place), fixes: [] },
    organization_unconfirmed: { text: gettext("Confirm your e-mail address first: keys and credit wait for it."), fixes: [] },
    model_not_allowed: {
      text: fill(gettext("This model may not be used in %(project)s. Choose another model."), place),
      fixes: [OTHER_MODEL],
      field: "model",
    },
    two_factor_required: {
      text: fill(gettext("%(organization)s asks for two-factor log-in. Set it up; your text is kept."), place),
      fixes: [{ kind: "link", label: gettext("Set it up"), href: place.factorUrl }],
    },
    role_not_allowed: { text: fill(gettext("Your role cannot use the playground in %(project)s. Ask an owner."), place), fixes: [] },
  };
  return words[error.code] || { text: error.message, fixes: [] };
}

function missing(error, place) {
  if (error.code === "model_not_found") {
    return {
      text: gettext("This model is not offered any more. Choose another model."),
      fixes: [OTHER_MODEL],
      field: "model",
    };
  }
  const text = fill(gettext("The project %(project)s is not here any more. Reload and choose another."), place);
  return { text, fixes: [{ kind: "reload", label: gettext("Reload the page") }] };
}

function overloaded(error) {
  if (error.code === "gateway_not_running") {
    const text = gettext("The gateway is not running in this server process. Ask the operator to start it with manage.py serve.");
    return { text, fixes: [TRY_AGAIN] };
  }
  const wait = error.retryAfter;
  const text = wait
    ? fill(gettext("Overloaded. You were not charged. Try again in %(wait)s s or use another model."), { wait })
    : gettext("Overloaded. You were not charged. Try again in a moment or use another model.");
  return { text, fixes: [TRY_AGAIN, OTHER_MODEL], wait };
}

function limited(error) {
  const wait = Math.max(error.retryAfter, 1);
  return { text: fill(gettext("Limit reached. You can send again in %(wait)s s."), { wait }), fixes: [], wait };
}

const failed = () => ({ text: gettext("The model failed. You were not charged. Try again."), fixes: [TRY_AGAIN] });

const BY_STATUS = {
  400: badRequest,
  401: unauthorized,
  402: unpaid,
  403: forbidden,
  404: missing,
  413: () => ({ text: gettext("This conversation is larger than 4 MiB. Remove earlier messages."), fixes: [] }),
  422: badRequest,
  429: limited,
  500: failed,
  502: failed,
  503: overloaded,
  504: () => ({ text: gettext("The model took too long to answer. You were not charged. Try again."), fixes: [TRY_AGAIN] }),
};

// Codes of this page alone: the API's documentation does not know them.
const OWN = new Set([
  "session_ended", "page_expired", "organization_unconfirmed", "two_factor_required", "role_not_allowed",
  "gateway_not_running", "project_not_found",
]);

/** Where the cause and the fix of an error of the API stand. */
function helpFor(error, place) {
  if (!error.code || !place.helpUrl || OWN.has(error.code)) return "";
  return place.helpUrl.replace("CODE", encodeURIComponent(error.code));
}

/** What to tell a person about an error thrown while sending or reading. */
export function explain(error, place) {
  if (error instanceof Refused) {
    const words = (BY_STATUS[error.status] || failed)(error, place);
    const code = [error.status, error.code].filter(Boolean).join(" ");
    return { fixes: [], field: "", wait: 0, ...words, code, help: helpFor(error, place), requestId: error.requestId };
  }
  const base = { fixes: [TRY_AGAIN], field: "", wait: 0, code: "", requestId: "" };
  if (!navigator.onLine) return { ...base, text: gettext("You are offline. Your text is kept; try again when you are back.") };
  if (error instanceof Dropped) return { ...base, text: gettext("The connection dropped.") };
  if (error instanceof TypeError) {
    return { ...base, text: gettext("The server could not be reached. Your text is kept. Try again in a moment.") };
  }
  return { ...base, text: fill(gettext("Something went wrong on this page: %(why)s"), { why: error.message }) };
}

function control(fix, acts) {
  const node = document.createElement(fix.kind === "link" ? "a" : "button");
  node.className = "btn btn-sm";
  node.textContent = fix.label;
  if (fix.kind === "link") {
    node.href = fix.href;
  } else {
    node.type = "button";
    node.addEventListener("click", acts[fix.kind]);
  }
  return node;
}

/** Fills the box with `words` as explain() makes them; `acts` says what each kind of fix does. */
export function showNotice(box, words, acts) {
  const text = document.createElement("p");
  text.textContent = words.text;
  const row = document.createElement("div");
  row.className = "pg-error-row";
  row.append(...words.fixes.map((fix) => control(fix, acts)));
  const facts = [words.code, words.requestId].filter(Boolean).join(" · ");
  if (facts) {
    const code = document.createElement("code");
    code.textContent = facts;
    row.append(code);
  }
  if (words.help) {
    const help = document.createElement("a");
    help.href = words.help;
    help.textContent = gettext("Cause and fix");
    row.append(help);
  }
  box.replaceChildren(text, ...(row.childNodes.length ? [row] : []));
  box.hidden = false;
  box.scrollIntoView({ block: "nearest", behavior: "instant" });
}

export function hideNotice(box) {
  box.replaceChildren();
  box.hidden = true;
}
