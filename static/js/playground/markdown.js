// A model's answer is hostile text. It becomes DOM nodes through textContent only: no HTML is ever parsed, nothing is
// loaded, and every step is linear in the length of the text, so that no answer can freeze the tab.

import { fill, gettext } from "./words.js";

const MOST_TEXT = 1_000_000;
const MOST_NODES = 20_000;
const DEEPEST = 12;

// Patterns without two quantifiers that can match the same text: none of them can take quadratic time.
const FENCE = /^( {0,3})(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^( {0,3})([-*+])([ \t]+|$)/;
const NUMBER = /^( {0,3})(\d{1,9})([.)])([ \t]+|$)/;
const DIVIDER = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$/;
const TASK = /^\[([ xX])\][ \t]+/;

const isBlank = (line) => line.trim() === "";
const indentOf = (line) => line.length - line.trimStart().length;

function marker(line) {
  if (RULE.test(line)) return null;
  const bullet = BULLET.exec(line);
  if (bullet) return { kind: bullet[2], ordered: false, width: widthOf(bullet[0], bullet[3]), start: 1 };
  const number = NUMBER.exec(line);
  if (number) {
    return { kind: number[3], ordered: true, width: widthOf(number[0], number[4]), start: Number(number[2]) };
  }
  return null;
}

// More than four spaces after a marker are the content's own.
function widthOf(whole, space) {
  return space.length > 4 || space.length === 0 ? whole.length - space.length + 1 : whole.length;
}

function opening(line) {
  const open = FENCE.exec(line);
  return open && !(open[2][0] === "`" && open[3].includes("`")) ? open : null;
}

function startsBlock(line) {
  return opening(line) || HEADING.test(line) || QUOTE.test(line) || RULE.test(line);
}

/** The blocks of some lines: {type, lines, ...}, each with the lines it consists of. */
function blocksOf(lines) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const [block, next] = fence(lines, at) || single(lines, at) || quote(lines, at) || list(lines, at)
      || table(lines, at) || paragraph(lines, at);
    block.lines = lines.slice(at, next);
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function fence(lines, at) {
  const open = opening(lines[at]);
  if (!open) return null;
  const [, indent, ticks, words] = open;
  const body = [];
  let next = at + 1;
  let closed = false;
  for (; next < lines.length && !closed; next += 1) {
    const text = lines[next].trim();
    closed = text.length >= ticks.length && text === ticks[0].repeat(text.length);
    if (!closed) body.push(lines[next].slice(Math.min(indent.length, indentOf(lines[next]))));
  }
  return [{ type: "code", language: words.trim().split(/\s/)[0].slice(0, 40), text: body.join("\n") }, next];
}

function single(lines, at) {
  const heading = HEADING.exec(lines[at]);
  if (heading) {
    const text = lines[at].slice(heading[0].length).trim().replace(/(?:^|[ \t])#+$/, "").trimEnd();
    return [{ type: "heading", level: heading[1].length, text }, at + 1];
  }
  return RULE.test(lines[at]) ? [{ type: "rule" }, at + 1] : null;
}

function quote(lines, at) {
  if (!QUOTE.test(lines[at])) return null;
  const inner = [];
  let next = at;
  while (next < lines.length && !isBlank(lines[next])) {
    const quoted = QUOTE.test(lines[next]);
    if (!quoted && (startsBlock(lines[next]) || marker(lines[next]))) break;
    inner.push(quoted ? lines[next].replace(QUOTE, "") : lines[next]);
    next += 1;
  }
  return [{ type: "quote", inner }, next];
}

function list(lines, at) {
  const first = marker(lines[at]);
  if (!first) return null;
  const items = [];
  let loose = false;
  let next = at;
  while (next < lines.length) {
    const here = marker(lines[next]);
    if (!here || here.kind !== first.kind || here.ordered !== first.ordered) break;
    const item = [lines[next].slice(here.width)];
    next += 1;
    let blanks = 0;
    while (next < lines.length) {
      if (isBlank(lines[next])) {
        blanks += 1;
      } else if (indentOf(lines[next]) >= here.width) {
        for (; blanks; blanks -= 1) item.push("");
        item.push(lines[next].slice(here.width));
      } else if (blanks || startsBlock(lines[next]) || marker(lines[next])) {
        break;
      } else {
        item.push(lines[next].trimStart());
      }
      next += 1;
    }
    items.push(item);
    loose = loose || item.some((line, i) => !line && item[i + 1] && !indentOf(item[i + 1])) || (blanks > 0 && next < lines.length && Boolean(marker(lines[next])));
    if (blanks > 1 && !marker(lines[next] || "")) break;
  }
  return [{ type: "list", ordered: first.ordered, start: first.start, items, loose }, next];
}

function cells(line) {
  const parts = [];
  let part = "";
  const text = line.trim().replace(/^\|/, "");
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === "\\" && text[i + 1] === "|") {
      part += "|";
      i += 1;
    } else if (text[i] === "|") {
      parts.push(part.trim());
      part = "";
    } else {
      part += text[i];
    }
  }
  if (part.trim() || !text.endsWith("|")) parts.push(part.trim());
  return parts;
}

function table(lines, at) {
  if (!lines[at].includes("|") || at + 1 >= lines.length || !DIVIDER.test(lines[at + 1].trim())) return null;
  const head = cells(lines[at]);
  const divider = cells(lines[at + 1]);
  if (head.length !== divider.length || head.length > 50) return null;
  const align = divider.map((text) => (text.endsWith(":") ? (text.startsWith(":") ? "center" : "end") : "start"));
  const rows = [];
  let next = at + 2;
  while (next < lines.length && !isBlank(lines[next]) && !startsBlock(lines[next])) {
    rows.push(cells(lines[next]));
    next += 1;
  }
  return [{ type: "table", head, align, rows }, next];
}

function paragraph(lines, at) {
  let next = at + 1;
  while (next < lines.length && !isBlank(lines[next])) {
    if (/^ {0,3}=+[ \t]*$/.test(lines[next])) {
      return [{ type: "heading", level: 1, text: lines.slice(at, next).join("\n") }, next + 1];
    }
    if (/^ {0,3}-{2,}[ \t]*$/.test(lines[next])) {
      return [{ type: "heading", level: 2, text: lines.slice(at, next).join("\n") }, next + 1];
    }
    const begins = marker(lines[next]);
    // A number other than 1 inside a sentence is not a list.
    if (startsBlock(lines[next]) || (begins && (!begins.ordered || begins.start === 1))) break;
    if (lines[next].includes("|") && next + 1 < lines.length && table(lines, next)) break;
    next += 1;
  }
  return [{ type: "paragraph", text: lines.slice(at, next).map((line) => line.trimStart()).join("\n") }, next];
}

// ---------------------------------------------------------------- DOM

function element(tag, className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}

function plain(text) {
  const node = element("p", "md-plain");
  node.textContent = text;
  return node;
}

function build(block, depth, budget) {
  budget.nodes -= 1;
  if (budget.nodes < 0 || depth > DEEPEST) return plain(block.lines.join("\n"));
  return BUILDERS[block.type](block, depth, budget);
}

function filled(tag, text, budget) {
  const node = element(tag);
  node.append(inline(text, budget));
  return node;
}

function scroller(name) {
  const node = element("div", "md-scroll");
  node.tabIndex = 0;
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", name);
  return node;
}

const BUILDERS = {
  rule: () => element("hr"),
  paragraph: (block, depth, budget) => filled("p", block.text, budget),
  heading: (block, depth, budget) => filled(`h${Math.min(block.level + 2, 6)}`, block.text, budget),
  quote: (block, depth, budget) => {
    const node = element("blockquote");
    for (const inner of blocksOf(block.inner)) node.append(build(inner, depth + 1, budget));
    return node;
  },
  code: (block, depth, budget) => {
    budget.nodes -= 6;
    const node = element("figure", "code");
    const head = element("figcaption", "codehead");
    const language = element("span");
    language.textContent = block.language || "text";
    const copy = element("button", "linkish");
    copy.type = "button";
    copy.dataset.act = "copy-code";
    copy.textContent = gettext("Copy");
    copy.setAttribute("aria-label", fill(gettext("Copy code, %(language)s"), { language: block.language || gettext("text") }));
    const pre = element("pre");
    pre.tabIndex = 0;
    pre.setAttribute("aria-label", `Code, ${block.language || "text"}`);
    pre.setAttribute("role", "group");
    const code = element("code");
    code.textContent = block.text;
    pre.append(code);
    head.append(language, copy);
    node.append(head, pre);
    return node;
  },
  list: (block, depth, budget) => {
    const node = element(block.ordered ? "ol" : "ul");
    if (block.ordered && block.start !== 1) node.start = block.start;
    for (const lines of block.items) {
      const item = element("li");
      budget.nodes -= 1;
      if (budget.nodes < 0 || depth >= DEEPEST) {
        item.textContent = lines.join("\n");
      } else {
        fillItem(item, lines, block.loose, depth, budget);
      }
      node.append(item);
      if (budget.nodes < 0) break;
    }
    return node;
  },
  table: (block, depth, budget) => {
    const box = scroller("Table");
    const node = element("table", "md-table");
    const row = (texts, tag) => {
      const tr = element("tr");
      block.head.forEach((_, column) => {
        budget.nodes -= 1;
        const cell = filled(tag, texts[column] || "", budget);
        if (tag === "th") cell.scope = "col";
        if (block.align[column] !== "start") cell.className = `md-${block.align[column]}`;
        tr.append(cell);
      });
      return tr;
    };
    const head = element("thead");
    head.append(row(block.head, "th"));
    const body = element("tbody");
    for (const texts of block.rows) {
      if (budget.nodes < 0) break;
      body.append(row(texts, "td"));
    }
    node.append(head, body);
    box.append(node);
    return box;
  },
};

function fillItem(item, lines, loose, depth, budget) {
  const task = TASK.exec(lines[0]);
  if (task) {
    lines = [lines[0].slice(task[0].length), ...lines.slice(1)];
    item.append(task[1] === " " ? "\u2610 " : "\u2611 ");
  }
  for (const block of blocksOf(lines)) {
    if (block.type === "paragraph" && !loose) {
      item.append(inline(block.text, budget));
    } else {
      item.append(build(block, depth + 1, budget));
    }
  }
}

/** Fills one element with an answer again and again as it grows; blocks that did not change keep their nodes. */
export class MarkdownView {
  constructor(target) {
    this.target = target;
    this.sources = [];
  }

  /** Show `text`; everything above a megabyte, or what no block can hold, is shown as plain text. */
  show(text) {
    const shown = text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) : text;
    const budget = { nodes: MOST_NODES };
    const blocks = blocksOf(shown.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"));
    const sources = blocks.map((block) => `${block.type}\n${block.lines.join("\n")}`);
    let same = 0;
    while (same < sources.length && same < this.sources.length && sources[same] === this.sources[same]) same += 1;
    while (this.target.childNodes.length > same) this.target.lastChild.remove();
    budget.nodes -= this.target.getElementsByTagName("*").length;
    for (const block of blocks.slice(same)) {
      if (budget.nodes < 0) {
        this.target.append(plain(blocks.slice(blocks.indexOf(block)).map((rest) => rest.lines.join("\n")).join("\n\n")));
        sources.length = blocks.indexOf(block);
        break;
      }
      this.target.append(build(block, 0, budget));
    }
    if (shown.length < text.length) this.target.append(plain(text.slice(MOST_TEXT)));
    this.sources = sources;
  }
}

// ---------------------------------------------------------------- spans inside a block

// Emphasis, code, formulas, links, line breaks; read once from left to right.

const LONGEST_RUN = 6;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const SPACE = /\s/;
const LINK_TARGET =
  /\(\s*(?:<([^<>\n]{0,2000})>|((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.){0,500}\)){0,2000}))(?:\s+(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?\s*\)/y;
const BARE_URL = /https?:\/\/[^\s<>"`]{1,2000}/y;
const ANGLE_URL = /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y;
const ENTITY = /&(amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[0-9a-f]{1,6});/iy;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const ESCAPABLE = "!\"#$%&'*+,-./:;<=>?@\\^_`{|}~";
const ORDINARY = /[^\\`*_~![\]<h&$\n]+/y;
const FORMULAS = { "(": "\\)", "[": "\\]" };

/** The address as a person may follow it, or null: only http, https and mailto, absolute. */
function safeUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

function link(url, children) {
  const node = document.createElement("a");
  node.href = url.href;
  node.rel = "noopener noreferrer nofollow";
  node.target = "_blank";
  node.dataset.host = url.protocol === "mailto:" ? url.pathname : url.host;
  node.append(...children);
  return node;
}

// An image is never loaded: it is a link that names where it would have come from.
function imageLink(target, alt) {
  const url = safeUrl(target);
  const words = alt.trim() ? ` (${alt.trim().slice(0, 200)})` : "";
  if (!url || url.protocol === "mailto:") return document.createTextNode(`image${words}`);
  return link(url, [`${gettext("image")}: ${url.host}${words}`]);
}

// ---------------------------------------------------------------- emphasis

// CommonMark's algorithm on a linked list, with its lower bounds for openers, so that marks without a partner never
// cost more than a walk.

/** A linked list of {text | node | parts, serial, depth}; marks also have mark, size, opens, closes. */
class Chain {
  constructor() {
    this.first = null;
    this.last = null;
    this.serial = 0;
  }

  push(item) {
    this.serial += 1;
    item.serial = this.serial;
    item.previous = this.last;
    item.next = null;
    if (this.last) this.last.next = item;
    else this.first = item;
    this.last = item;
    return item;
  }

  drop(item) {
    if (item.previous) item.previous.next = item.next;
    else this.first = item.next;
    if (item.next) item.next.previous = item.previous;
    else this.last = item.previous;
  }

  insertAfter(item, added) {
    added.serial = item.serial;
    added.previous = item;
    added.next = item.next;
    if (item.next) item.next.previous = added;
    else this.last = added;
    item.next = added;
  }

  /** Take out what lies strictly between two items; null: up to the end. */
  cut(from, until) {
    const taken = [];
    for (let item = from.next; item && item !== until; item = item.next) taken.push(item);
    from.next = until;
    if (until) until.previous = from;
    else this.last = from;
    return taken;
  }
}

/** How deeply spans are nested in the items. */
const depthOf = (items) => items.reduce((most, item) => Math.max(most, item.depth || 0), 0);

/** The DOM nodes of some items; an item of `parts` is spans nested too deeply, laid flat. */
function nodesOf(items) {
  const nodes = [];
  const stack = [...items].reverse();
  while (stack.length) {
    const item = stack.pop();
    if (item.parts) for (let i = item.parts.length - 1; i >= 0; i -= 1) stack.push(item.parts[i]);
    else nodes.push(item.node || document.createTextNode(item.text));
  }
  return nodes;
}

/** Join the marks that lie after `from` (null: all of them) in pairs. */
function emphasis(chain, from, budget) {
  const bottoms = new Map();
  const lowest = from ? from.serial : 0;
  let closer = from ? from.next : chain.first;
  while (closer) {
    const bucket = closer.mark && closer.closes ? `${closer.mark}${closer.opens}${closer.size % 3}` : "";
    const opener = bucket ? openerOf(closer, bottoms.get(bucket) ?? lowest) : null;
    if (opener) {
      wrap(chain, opener, closer, budget);
      if (!closer.text) closer = closer.next;
    } else {
      if (bucket) bottoms.set(bucket, closer.previous ? closer.previous.serial : 0);
      closer = closer.next;
    }
  }
}

function openerOf(closer, bottom) {
  let opener = closer.previous;
  while (opener && opener.serial > bottom) {
    if (opener.mark === closer.mark && opener.opens && fits(opener, closer)) return opener;
    opener = opener.previous;
  }
  return null;
}

function fits(opener, closer) {
  if (closer.mark === "~") return opener.text.length === closer.text.length;
  const either = opener.closes || closer.opens;
  return !either || (opener.size + closer.size) % 3 !== 0 || (opener.size % 3 === 0 && closer.size % 3 === 0);
}

function wrap(chain, opener, closer, budget) {
  const inner = chain.cut(opener, closer);
  const depth = depthOf(inner) + 1;
  const size = closer.mark === "~" ? closer.text.length : Math.min(2, opener.text.length, closer.text.length);
  const marks = closer.text.slice(0, size);
  opener.text = opener.text.slice(size);
  closer.text = closer.text.slice(size);
  budget.nodes -= 1;
  if (depth > DEEPEST || budget.nodes < 0) {
    chain.insertAfter(opener, { parts: [{ text: marks }, ...inner, { text: marks }], depth: DEEPEST });
  } else {
    const node = document.createElement(closer.mark === "~" ? "s" : size === 2 ? "strong" : "em");
    node.append(...nodesOf(inner));
    chain.insertAfter(opener, { node, depth });
  }
  if (!opener.text) chain.drop(opener);
  if (!closer.text) chain.drop(closer);
}

// ---------------------------------------------------------------- reading

class Reader {
  constructor(text, budget) {
    this.text = text;
    this.budget = budget;
    this.at = 0;
    this.chain = new Chain();
    this.brackets = [];
    // Brackets that were opened before a finished link cannot become links: no link holds another.
    this.linkedUpTo = 0;
    this.plain = "";
    this.ticks = null;
    this.unclosed = new Set();
  }

  read() {
    const { text } = this;
    while (this.at < text.length && this.budget.nodes > 0) {
      const step = STEPS[text[this.at]];
      if (!step) this.literal(this.match(ORDINARY)[0]);
      else if (!step(this)) this.literal(text[this.at]);
    }
    this.literal(text.slice(this.at));
    this.flush();
    emphasis(this.chain, null, this.budget);
    const items = [];
    for (let item = this.chain.first; item; item = item.next) items.push(item);
    const out = document.createDocumentFragment();
    for (const node of nodesOf(items)) out.append(node);
    out.normalize();
    return out;
  }

  literal(text) {
    this.plain += text;
    this.at += text.length;
  }

  flush() {
    if (this.plain) this.chain.push({ text: this.plain });
    this.plain = "";
  }

  /** A finished span that took `length` characters. */
  add(node, length) {
    this.flush();
    this.budget.nodes -= 1;
    this.at += length;
    return this.chain.push({ node, depth: 1 });
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  /** Where `end` comes next; a text in which it is missing is searched once. */
  find(end, from) {
    if (this.unclosed.has(end)) return -1;
    const found = this.text.indexOf(end, from);
    if (found < 0) this.unclosed.add(end);
    return found;
  }

  /** Where the next run of exactly `size` backticks begins; every run is looked at once. */
  closingTicks(size, from) {
    if (!this.ticks) {
      this.ticks = new Map();
      for (const run of this.text.matchAll(/`+/g)) {
        if (!this.ticks.has(run[0].length)) this.ticks.set(run[0].length, []);
        this.ticks.get(run[0].length).push(run.index);
      }
      for (const starts of this.ticks.values()) starts.reverse();
    }
    const starts = this.ticks.get(size) || [];
    while (starts.length && starts[starts.length - 1] < from) starts.pop();
    return starts.length ? starts[starts.length - 1] : -1;
  }
}

function codeNode(text, className = "") {
  const node = document.createElement("code");
  if (className) node.className = className;
  node.textContent = text;
  return node;
}

function escape(reader) {
  const next = reader.text[reader.at + 1];
  if (next === "\n") {
    reader.add(document.createElement("br"), 2);
  } else if (FORMULAS[next]) {
    // A formula is shown as it was written: \( x_1 \) and \[ x_1 \].
    const end = reader.find(FORMULAS[next], reader.at + 2);
    if (end < 0) return false;
    reader.add(codeNode(reader.text.slice(reader.at, end + 2), "math"), end + 2 - reader.at);
  } else if (next && ESCAPABLE.includes(next)) {
    reader.plain += next;
    reader.at += 2;
  } else {
    return false;
  }
  return true;
}

function formula(reader) {
  const end = reader.text[reader.at + 1] === "$" ? reader.find("$$", reader.at + 2) : -1;
  if (end < 0) return false;
  reader.add(codeNode(reader.text.slice(reader.at, end + 2), "math"), end + 2 - reader.at);
  return true;
}

function runOf(reader) {
  const { text, at } = reader;
  let size = 1;
  while (text[at + size] === text[at]) size += 1;
  return size;
}

function code(reader) {
  const size = runOf(reader);
  const start = reader.at + size;
  const end = reader.closingTicks(size, start);
  if (end < 0) {
    reader.literal("`".repeat(size));
    return true;
  }
  let body = reader.text.slice(start, end).replace(/\n/g, " ");
  if (body.startsWith(" ") && body.endsWith(" ") && body.trim()) body = body.slice(1, -1);
  reader.add(codeNode(body), end + size - reader.at);
  return true;
}

function marks(reader) {
  const { text, at } = reader;
  const mark = text[at];
  const size = runOf(reader);
  const before = text[at - 1] || " ";
  const behind = text[at + size] || " ";
  const outside = (char) => SPACE.test(char) || PUNCTUATION.test(char);
  const left = !SPACE.test(behind) && (!PUNCTUATION.test(behind) || outside(before));
  const right = !SPACE.test(before) && (!PUNCTUATION.test(before) || outside(behind));
  const opens = mark === "_" ? left && (!right || PUNCTUATION.test(before)) : left;
  const closes = mark === "_" ? right && (!left || PUNCTUATION.test(behind)) : right;
  if (size > (mark === "~" ? 2 : LONGEST_RUN) || (!opens && !closes)) {
    reader.literal(mark.repeat(size));
    return true;
  }
  reader.flush();
  reader.at += size;
  reader.chain.push({ text: mark.repeat(size), mark, size, opens, closes });
  return true;
}

function openBracket(reader, image) {
  reader.flush();
  const text = image ? "![" : "[";
  reader.brackets.push({ item: reader.chain.push({ text }), image });
  reader.at += text.length;
  return true;
}

function closeBracket(reader) {
  const bracket = reader.brackets.pop();
  if (!bracket) return false;
  reader.literal("]");
  if (reader.text[reader.at] !== "(" || (!bracket.image && bracket.item.serial < reader.linkedUpTo)) return true;
  const target = reader.match(LINK_TARGET);
  if (!target) return true;
  const raw = (target[1] ?? target[2]).replace(/\\(.)/g, "$1");
  const url = safeUrl(raw);
  // An address that nobody may follow stays text, and so does its label.
  if (!url && !bracket.image) return true;
  reader.plain = reader.plain.slice(0, -1);
  reader.flush();
  emphasis(reader.chain, bracket.item, reader.budget);
  const inner = reader.chain.cut(bracket.item, null);
  const children = nodesOf(inner);
  reader.chain.drop(bracket.item);
  const node = bracket.image ? imageLink(raw, children.map((child) => child.textContent).join("")) : link(url, children);
  reader.add(node, target[0].length).depth = bracket.image ? 1 : depthOf(inner) + 1;
  if (!bracket.image) reader.linkedUpTo = reader.chain.serial;
  return true;
}

function angle(reader) {
  const found = reader.match(ANGLE_URL);
  const url = found && safeUrl(found[1]);
  if (!url) return false;
  reader.add(link(url, [found[1].replace(/^mailto:/, "")]), found[0].length);
  return true;
}

function trimmed(text, characters) {
  let end = text.length;
  while (end && characters.includes(text[end - 1])) end -= 1;
  return text.slice(0, end);
}

function bareUrl(reader) {
  if (/\w/.test(reader.text[reader.at - 1] || "")) return false;
  const found = reader.match(BARE_URL);
  if (!found) return false;
  const open = reader.brackets[reader.brackets.length - 1];
  let text = trimmed(found[0], "*_~.,:;!?'\"]");
  if (text.split("(").length < text.split(")").length) text = trimmed(text, ")");
  const url = open && !open.image ? null : safeUrl(text);
  // Inside brackets it is a link's label or its target follows: leave it to them, up to the bracket.
  if (!url) reader.literal(text.split("]")[0]);
  else reader.add(link(url, [text]), text.length);
  return true;
}

function entity(reader) {
  const found = reader.match(ENTITY);
  if (!found) return false;
  const name = found[1].toLowerCase();
  const known = name.startsWith("#") ? character(name.slice(1)) : NAMED[name];
  if (!known) return false;
  reader.plain += known;
  reader.at += found[0].length;
  return true;
}

function character(digits) {
  const number = digits.startsWith("x") ? parseInt(digits.slice(1), 16) : Number(digits);
  return number > 31 && number < 0x110000 && (number < 0xd800 || number > 0xdfff) ? String.fromCodePoint(number) : "";
}

function newline(reader) {
  const hard = reader.plain.endsWith("  ");
  reader.plain = reader.plain.trimEnd();
  if (hard) {
    reader.add(document.createElement("br"), 1);
  } else {
    reader.literal("\n");
    reader.flush();
  }
  return true;
}

const STEPS = {
  "\\": escape,
  "`": code,
  "*": marks,
  _: marks,
  "~": marks,
  "!": (reader) => reader.text[reader.at + 1] === "[" && openBracket(reader, true),
  "[": (reader) => openBracket(reader, false),
  "]": closeBracket,
  "<": angle,
  h: bareUrl,
  "&": entity,
  $: formula,
  "\n": newline,
};

/** A fragment with the spans of `text`; when the budget of nodes is used up the rest is plain. */
function inline(text, budget) {
  return new Reader(text, budget).read();
}
