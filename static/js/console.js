/* What every page shares: the menu, dialogs, copy buttons, forms that submit once. Pages work without it. */
(function () {
  "use strict";

  var status = document.getElementById("status");
  function say(text) {
    if (status) status.textContent = text;
  }

  /* The menu of small screens. */
  var toggle = document.querySelector("[data-nav]");
  if (toggle) {
    var side = document.getElementById(toggle.getAttribute("aria-controls"));
    toggle.addEventListener("click", function () {
      var open = side.classList.toggle("open");
      toggle.setAttribute("aria-expanded", String(open));
    });
  }

  /* On a small screen the tabs scroll: the one that is open is in sight. */
  document.querySelectorAll(".tabs > [aria-current]").forEach(function (tab) {
    var row = tab.parentElement;
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  });

  /* A menu closes on Escape and on a click elsewhere. */
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.switcher[open]").forEach(function (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.switcher[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  /* Dialogs: a link to the page without scripts opens the dialog with them. */
  document.addEventListener("click", function (event) {
    var opener = event.target.closest("[data-dialog]");
    if (opener) {
      var dialog = document.getElementById(opener.dataset.dialog);
      if (dialog && dialog.showModal) {
        event.preventDefault();
        dialog.showModal();
        dialog.addEventListener("close", function () { opener.focus(); }, { once: true });
      }
    }
    var closer = event.target.closest("dialog [data-close]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });

  /* A page that asks something opens as a dialog; whatever goes wrong, the link is followed. */
  function openPage(link) {
    return fetch(link.href, { credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error("not a dialog");
        return answer.text();
      })
      .then(function (html) {
        var fresh = new DOMParser().parseFromString(html, "text/html");
        // Another tab has switched: the page itself says which organization this is about.
        if (fresh.body.dataset.organization !== document.body.dataset.organization) throw new Error("not here");
        var part = fresh.querySelector("[data-dialog-part]");
        var dialog = document.createElement("dialog");
        dialog.appendChild(document.importNode(part, true));
        dialog.setAttribute("aria-labelledby", dialog.querySelector("[data-dialog-title]").id);
        document.body.appendChild(dialog);
        dialog.addEventListener("close", function () {
          dialog.remove();
          link.focus();
        });
        dialog.showModal();
      });
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-page-dialog]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !window.HTMLDialogElement) return;
    event.preventDefault();
    openPage(link).catch(function () { window.location.assign(link.href); });
  });
  document.querySelectorAll("dialog[data-open]").forEach(function (dialog) {
    if (dialog.showModal) dialog.showModal();
  });

  /* Copy: the clipboard exists only on HTTPS or localhost; elsewhere the text is selected. */
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) return;
    var source = document.getElementById(button.dataset.copy);
    var label = button.querySelector("[data-label]") || button;
    var before = label.textContent;
    function done(text) {
      label.textContent = text;
      say(text);
      setTimeout(function () { label.textContent = before; }, 2000);
    }
    if (navigator.clipboard && window.isSecureContext) {
      navigator.clipboard.writeText(source.textContent.trim()).then(function () { done(button.dataset.copied); });
    } else {
      window.getSelection().selectAllChildren(source);
      done(button.dataset.select);
    }
  });

  /* A form is sent once, and says so when it takes long. */
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (form.method === "dialog") return;
    form.dataset.sent = "1";
    var button = event.submitter;
    if (button && button.dataset.busy) {
      setTimeout(function () { button.textContent = button.dataset.busy; }, 300);
    }
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
  });

  /* Filters apply when they change; without scripts there is a button. */
  document.querySelectorAll("form[data-auto]").forEach(function (form) {
    form.addEventListener("change", function () { form.requestSubmit(); });
  });

  /* Leaving before "I have saved this key" is ticked asks once more. */
  var saved = document.querySelector("[data-saved]");
  if (saved) {
    var doneButton = document.getElementById(saved.dataset.saved);
    doneButton.addEventListener("click", function (event) {
      if (!saved.checked && !window.confirm(doneButton.dataset.confirm)) event.preventDefault();
    });
  }

  /* How long ago the page was answered, or what it asks for again (live.js). */
  document.querySelectorAll("[data-updated]").forEach(function (node) {
    var at = Date.now();
    function show() {
      var seconds = Math.floor((Date.now() - at) / 1000);
      var words = node.dataset;
      node.textContent = seconds < 10
        ? words.now
        : seconds < 60
          ? words.seconds.replace("#", seconds)
          : seconds < 3600
            ? words.minutes.replace("#", Math.floor(seconds / 60))
            : words.hours.replace("#", Math.floor(seconds / 3600));
    }
    document.addEventListener("refreshed", function () {
      at = Date.now();
      show();
    });
    setInterval(show, 2000);
    show();
  });

  document.querySelectorAll("[data-time-zone]").forEach(function (field) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  });

  document.querySelectorAll("[data-show-password]").forEach(function (button) {
    var field = document.getElementById(button.dataset.showPassword);
    button.addEventListener("click", function () {
      var shown = field.type === "text";
      field.type = shown ? "password" : "text";
      button.textContent = shown ? button.dataset.show : button.dataset.hide;
      button.setAttribute("aria-pressed", String(!shown));
    });
  });

  var errors = document.querySelector(".errorsummary");
  if (errors) errors.focus();
})();
