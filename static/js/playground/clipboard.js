// Copy, also where the page is not served over HTTPS and the clipboard interface is missing.

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  const focused = document.activeElement;
  (focused && focused.closest("dialog") ? focused.closest("dialog") : document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused) focused.focus();
  return done;
}

/** Copy `text` and say so on the button for two seconds. */
export async function copy(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copyBySelection(text);
  }
  const before = button.dataset.label || button.textContent;
  button.dataset.label = before;
  button.textContent = done ? "Copied" : "Copy failed";
  setTimeout(() => {
    button.textContent = before;
  }, 2000);
}
