/* The search of the documentation: the best results while one types; Enter without a choice shows all of them. */
(function () {
  "use strict";

  var WAIT = 120;
  var box = document.querySelector("[data-docs-search]");
  if (!box) return;
  var field = box.querySelector("input");
  var panel = box.querySelector(".docresults");
  var count = box.querySelector("[data-count]");
  var list = box.querySelector("[data-results]");
  var all = box.querySelector("[data-all-link]");
  var status = document.getElementById("status");
  var waiting = null;
  var running = null;
  var said = null;

  function marked(parts) {
    var made = document.createDocumentFragment();
    parts.forEach(function (part) {
      if (part[1]) {
        var mark = document.createElement("mark");
        mark.textContent = part[0];
        made.append(mark);
      } else {
        made.append(part[0]);
      }
    });
    return made;
  }

  function row(hit) {
    var item = document.createElement("li");
    var link = document.createElement("a");
    link.href = hit.url;
    var title = document.createElement("strong");
    title.append(marked(hit.title));
    link.append(title);
    if (!hit.is_page) {
      var page = document.createElement("span");
      page.className = "docresults-page";
      page.textContent = hit.page;
      link.append(page);
    }
    var line = document.createElement("span");
    line.className = "docresults-text";
    line.append(marked(hit.excerpt));
    link.append(line);
    item.append(link);
    return item;
  }

  function say(text) {
    count.textContent = text;
    clearTimeout(said);
    said = setTimeout(function () { if (status) status.textContent = text; }, 500);
  }
  function close() {
    clearTimeout(waiting);
    if (running) running.abort();
    panel.hidden = true;
    list.textContent = "";
  }

  function show(answer, asked) {
    list.textContent = "";
    answer.found.forEach(function (hit) { list.append(row(hit)); });
    all.hidden = answer.count <= answer.found.length;
    all.href = box.action + "?q=" + encodeURIComponent(asked);
    panel.hidden = false;
    say(answer.count ? box.dataset.some + " " + answer.count : box.dataset.none);
  }
  function search() {
    var asked = field.value.trim();
    if (running) running.abort();
    running = new AbortController();
    fetch(box.dataset.docsSearch + "?q=" + encodeURIComponent(asked), { credentials: "same-origin", signal: running.signal })
      .then(function (answer) {
        if (!answer.ok) throw new Error("search");
        return answer.json();
      })
      .then(function (answer) { if (field.value.trim() === asked) show(answer, asked); })
      .catch(function (error) {
        if (error.name === "AbortError") return;
        list.textContent = "";
        all.hidden = true;
        panel.hidden = false;
        say(box.dataset.failed);
      });
  }

  field.addEventListener("input", function (event) {
    clearTimeout(waiting);
    if (event.isComposing) return;
    if (field.value.trim()) waiting = setTimeout(search, WAIT);
    else close();
  });
  /* Chinese is typed in several keystrokes: searched for once a word stands. */
  field.addEventListener("compositionend", function () {
    clearTimeout(waiting);
    if (field.value.trim()) waiting = setTimeout(search, WAIT);
  });
  box.addEventListener("keydown", function (event) {
    if (event.isComposing) return;
    var links = Array.prototype.slice.call(panel.querySelectorAll("a:not([hidden])"));
    var at = links.indexOf(document.activeElement);
    if (event.key === "Escape" && !panel.hidden) {
      event.preventDefault();
      close();
      field.focus();
    } else if (event.key === "ArrowDown" && !panel.hidden && links.length) {
      event.preventDefault();
      links[Math.min(at + 1, links.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (links[at - 1] || field).focus();
    }
  });
  box.addEventListener("submit", function (event) {
    if (!field.value.trim()) event.preventDefault();
  });
  list.addEventListener("click", function (event) {
    if (event.target.closest("a")) close();
  });
  document.addEventListener("click", function (event) {
    if (!box.contains(event.target)) close();
  });
})();
