// Which marks open and close emphasis: CommonMark's algorithm on a linked list, with its lower bounds for openers, so
// that marks without a partner never cost more than a walk.

const DEEPEST = 12;

/** A linked list of {text | node | parts, serial, depth}; marks also have mark, size, opens, closes. */
export class Chain {
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
export const depthOf = (items) => items.reduce((most, item) => Math.max(most, item.depth || 0), 0);

/** The DOM nodes of some items; an item of `parts` is spans nested too deeply, laid flat. */
export function nodesOf(items) {
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
export function emphasis(chain, from, budget) {
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
