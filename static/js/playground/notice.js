// The error of the last request: plain words, its fix, its code and request id.

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

/** Fills the box with `words` as errors.js makes them; `acts` says what each kind of fix does. */
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
  box.replaceChildren(text, ...(row.childNodes.length ? [row] : []));
  box.hidden = false;
  box.scrollIntoView({ block: "nearest", behavior: "instant" });
}

export function hideNotice(box) {
  box.replaceChildren();
  box.hidden = true;
}
