/* A page that asks for itself again and takes over its parts marked data-live; focus, scroll and open parts stay.
   Only while the tab is seen, for as long as it says; it pauses after three failures or when told to. */
(function () {
  "use strict";

  var MOST_FAILURES = 3;
  var page = document.querySelector("[data-live-page]");
  if (!page) return;
  var every = Number(page.dataset.every) * 1000;
  var until = page.dataset.for ? Date.now() + Number(page.dataset.for) * 1000 : Infinity;
  var note = page.querySelector("[data-live-note]");
  var toggle = page.querySelector("[data-live-toggle]");
  var reference = note && note.querySelector("[data-live-reference]");
  var told = "";
  var failures = 0;
  var paused = false;
  var asking = false;

  function take(html) {
    var fresh = new DOMParser().parseFromString(html, "text/html");
    if (!fresh.querySelector("[data-live]")) throw new Error("not the page");
    // Another tab has switched: figures of that organization must not stand under the name of this one.
    if (fresh.body.dataset.organization !== document.body.dataset.organization) {
      pause(true);
      return;
    }
    page.querySelectorAll("[data-live]").forEach(function (part) {
      var other = fresh.querySelector('[data-live="' + part.dataset.live + '"]');
      if (!other || other.innerHTML === part.innerHTML || part.contains(document.activeElement)) return;
      part.replaceChildren.apply(part, Array.from(document.importNode(other, true).childNodes));
    });
    if (!fresh.querySelector("[data-live-page]")) until = 0;
  }
  function pause(yes) {
    paused = yes;
    failures = 0;
    if (note) note.hidden = !yes;
    if (reference) {
      reference.hidden = !told;
      reference.querySelector("code").textContent = told;
    }
    if (toggle) {
      toggle.setAttribute("aria-pressed", String(!yes));
      toggle.textContent = yes ? toggle.dataset.off : toggle.dataset.on;
    }
  }
  function ask() {
    if (paused || asking || document.hidden || Date.now() > until) return;
    asking = true;
    fetch(page.dataset.livePage, { credentials: "same-origin", cache: "no-store" })
      .then(function (answer) {
        told = answer.headers.get("X-Reference") || "";
        if (!answer.ok && answer.status !== 503 || answer.redirected) throw new Error("no answer");
        return answer.text();
      })
      .then(function (html) {
        take(html);
        failures = 0;
        document.dispatchEvent(new Event("refreshed"));
      })
      .catch(function () {
        failures += 1;
        if (failures >= MOST_FAILURES) pause(true);
      })
      .finally(function () { asking = false; });
  }

  if (toggle) toggle.addEventListener("click", function () {
    told = "";
    pause(!paused);
  });
  page.addEventListener("click", function (event) {
    if (!event.target.closest("[data-live-resume]")) return;
    pause(false);
    if (page.dataset.for) until = Date.now() + Number(page.dataset.for) * 1000;
    ask();
  });
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, every);
})();
