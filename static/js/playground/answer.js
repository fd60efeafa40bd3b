// Reading one answer: a whole JSON body, or a stream piece by piece.

import { events, Refused } from "./stream.js";

/** An answer that is about to come; `began` is performance.now() of the request. */
export function expected(id, model) {
  return {
    id, role: "assistant", content: "", model, running: true, pieces: 0, began: performance.now(),
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
  const { input, cached, output, charge_usd: charge } = figures;
  answer.billed = { state: "settled", input, cached, output, charge };
}

function takeChunk(event, answer) {
  const [choice] = event.choices || [];
  if (!choice) return;
  if (choice.finish_reason) answer.reason = choice.finish_reason;
  const { content, reasoning_content: thought } = choice.delta || {};
  if (!content && !thought) return;
  answer.times.first ??= performance.now() - answer.began;
  answer.pieces += 1;
  if (thought) answer.thought = (answer.thought || "") + thought;
  if (!content) return;
  if (answer.thought && !answer.thoughtFor) answer.thoughtFor = performance.now() - answer.began;
  answer.content += content;
}
