// A model's answer is hostile text. It becomes DOM nodes through textContent only: no HTML is ever parsed, nothing is
// loaded, and every step is linear in the length of the text, so that no answer can freeze the tab.

import { fill, gettext } from "./language.js";
import { inline } from "./markdown_inline.js";

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
