// Every failure in plain words with its fix: {text, fixes, field, wait}. `wait` is in seconds.

import { count } from "./figures.js";
import { Dropped, Refused } from "./stream.js";

const TRY_AGAIN = { kind: "retry", label: "Try again" };
const FIELDS = { max_completion_tokens: "max_tokens", model: "model", seed: "seed", stop: "stop", top_p: "top_p" };

function field(param) {
  if (["temperature", "max_tokens"].includes(param)) return param;
  return FIELDS[param] || "";
}

function tooLong(error) {
  const found = /maximum context length is (\d+) tokens.*?requested (\d+) tokens/s.exec(error.message);
  const words = found
    ? `This conversation and the answer are about ${count(Number(found[2]))} tokens; the model reads ${count(Number(found[1]))}.`
    : "This conversation is longer than the model reads.";
  return { text: `${words} Remove earlier messages or lower max output tokens.`, fixes: [], field: "max_tokens" };
}

function badRequest(error) {
  if (error.code === "context_length_exceeded") return tooLong(error);
  return { text: `The model did not accept this request: ${error.message}`, fixes: [], field: field(error.param) };
}

function unauthorized(error, place) {
  if (error.code === "session_ended") {
    return {
      text: "Your session ended. Log in again; your text is kept.",
      fixes: [{ kind: "link", label: "Log in", href: place.loginUrl }],
    };
  }
  return {
    text: `The playground's key does not work in ${place.project}. Choose another project or ask an owner.`,
    fixes: [],
  };
}

function unpaid(error) {
  const limit = error.limit;
  const used = limit ? `$${limit.used} of $${limit.limit} ${limit.name} is used or set aside. ` : "";
  const reset = limit && limit.resets_at ? `It resets on ${when(limit.resets_at)}. ` : "";
  const confirm = error.message.includes("Confirm your e-mail") ? "Credit waits until your e-mail address is confirmed. " : "";
  return {
    text: `There is not enough credit for this request. ${used}${reset}${confirm}Add credit, or lower max output tokens.`,
    fixes: [TRY_AGAIN],
    field: "max_tokens",
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
  const reload = { kind: "reload", label: "Reload the page" };
  const words = {
    page_expired: { text: "This page was open too long. Nothing was sent. Reload it; your text is kept.", fixes: [reload] },
    organization_suspended: { text: `${place.organization} is suspended. Its requests fail until an owner settles it.`, fixes: [] },
    organization_unconfirmed: { text: "Confirm your e-mail address first: keys and credit wait for it.", fixes: [] },
    model_not_allowed: {
      text: `This model may not be used in ${place.project}. Choose another model.`,
      fixes: [{ kind: "model", label: "Choose a model" }],
      field: "model",
    },
    role_not_allowed: { text: `Your role cannot use the playground in ${place.project}. Ask an owner.`, fixes: [] },
  };
  return words[error.code] || { text: error.message, fixes: [] };
}

function missing(error, place) {
  if (error.code === "model_not_found") {
    return {
      text: "This model is not offered any more. Choose another model.",
      fixes: [{ kind: "model", label: "Choose a model" }],
      field: "model",
    };
  }
  return { text: `The project ${place.project} is not here any more. Reload and choose another.`, fixes: [{ kind: "reload", label: "Reload the page" }] };
}

function overloaded(error) {
  if (error.code === "gateway_not_running") {
    return { text: "The gateway is not running in this server process. Ask the operator to start it with manage.py serve.", fixes: [TRY_AGAIN] };
  }
  const wait = error.retryAfter;
  const moment = wait ? `in ${wait} s` : "in a moment";
  return { text: `Overloaded. You were not charged. Try again ${moment} or use another model.`, fixes: [TRY_AGAIN], wait };
}

function limited(error) {
  const wait = Math.max(error.retryAfter, 1);
  return { text: `Limit reached. You can send again in ${wait} s.`, fixes: [], wait };
}

const failed = () => ({ text: "The model failed. You were not charged. Try again.", fixes: [TRY_AGAIN] });

const BY_STATUS = {
  400: badRequest,
  401: unauthorized,
  402: unpaid,
  403: forbidden,
  404: missing,
  413: () => ({ text: "This conversation is larger than 4 MiB. Remove earlier messages.", fixes: [] }),
  422: badRequest,
  429: limited,
  500: failed,
  502: failed,
  503: overloaded,
  504: () => ({ text: "The model took too long to answer. You were not charged. Try again.", fixes: [TRY_AGAIN] }),
};

/** What to tell a person about an error thrown while sending or reading. */
export function explain(error, place) {
  if (error instanceof Refused) {
    const words = (BY_STATUS[error.status] || failed)(error, place);
    const code = [error.status, error.code].filter(Boolean).join(" ");
    return { fixes: [], field: "", wait: 0, ...words, code, requestId: error.requestId };
  }
  const base = { fixes: [TRY_AGAIN], field: "", wait: 0, code: "", requestId: "" };
  if (!navigator.onLine) return { ...base, text: "You are offline. Your text is kept; try again when you are back." };
  if (error instanceof Dropped) return { ...base, text: "The connection dropped." };
  if (error instanceof TypeError) {
    return { ...base, text: "The server could not be reached. Your text is kept. Try again in a moment." };
  }
  return { ...base, text: `Something went wrong on this page: ${error.message}` };
}
