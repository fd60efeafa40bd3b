// The dialog that shows the request as code.

import { copy } from "./clipboard.js";
import { LANGUAGES } from "./code.js";

/** Opens on `opener`; `request()` is what would be sent now. */
export function codeDialog(dialog, opener, baseUrl, request) {
  const tabs = [...dialog.querySelectorAll('[role="tab"]')];
  const panel = dialog.querySelector('[role="tabpanel"]');
  const text = panel.querySelector("code");

  function choose(chosen) {
    for (const tab of tabs) {
      const active = tab === chosen;
      tab.setAttribute("aria-selected", String(active));
      tab.tabIndex = active ? 0 : -1;
      tab.classList.toggle("active", active);
    }
    panel.setAttribute("aria-labelledby", chosen.id);
    text.textContent = LANGUAGES[chosen.dataset.language](request(), baseUrl);
  }

  opener.addEventListener("click", () => {
    choose(tabs.find((tab) => tab.tabIndex === 0));
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (tabs.includes(button)) choose(button);
    if (button.dataset.copyCode) copy(text.textContent, button);
    if (button.dataset.closeCode) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = tabs[(at + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}
