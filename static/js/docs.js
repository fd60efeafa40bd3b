/* The search of the documentation: every section is fetched once and searched here; nothing is sent anywhere. */
(function () {
  "use strict";

  var MOST = 12;
  var AROUND = 70;
  var box = document.querySelector("[data-docs-search]");
  if (!box) return;
  var field = box.querySelector("input");
  var panel = box.querySelector(".docresults");
  var count = box.querySelector("[data-count]");
  var list = box.querySelector("[data-results]");
  var status = document.getElementById("status");
  var loading = null;
  var said = null;

  function load() {
    loading = loading || fetch(box.dataset.docsSearch, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) throw new Error("search");
      return answer.json();
    }).then(function (found) {
      return found.sections.map(function (section) {
        return {
          section: section,
          title: section.title.toLowerCase(),
          page: section.page.toLowerCase(),
          text: section.text.toLowerCase()
        };
      });
    });
    loading.catch(function () { loading = null; });
    return loading;
  }

  /* Every word must be there; a title counts more than the page's name, that more than the words. */
  function score(entry, words) {
    var sum = 0;
    for (var i = 0; i < words.length; i += 1) {
      var word = words[i];
      var points = 0;
      if (entry.title === word) points = 60;
      else if (entry.title.indexOf(word) === 0) points = 24;
      else if (entry.title.indexOf(word) >= 0) points = 16;
      else if (entry.page.indexOf(word) >= 0) points = 6;
      if (entry.text.indexOf(word) >= 0) points += 2;
      if (!points) return 0;
      sum += points;
    }
    return sum;
  }

  function marked(text, words) {
    var low = text.toLowerCase();
    var part = document.createDocumentFragment();
    var at = 0;
    while (at < text.length) {
      var next = -1;
      var length = 0;
      words.forEach(function (word) {
        var place = low.indexOf(word, at);
        if (place >= 0 && (next < 0 || place < next)) {
          next = place;
          length = word.length;
        }
      });
      if (next < 0) break;
      part.append(text.slice(at, next));
      var mark = document.createElement("mark");
      mark.textContent = text.slice(next, next + length);
      part.append(mark);
      at = next + length;
    }
    part.append(text.slice(at));
    return part;
  }

  function excerpt(entry, words) {
    var first = words.map(function (word) { return entry.text.indexOf(word); })
      .filter(function (place) { return place >= 0; })
      .sort(function (a, b) { return a - b; })[0] || 0;
    var start = Math.max(0, first - AROUND);
    var text = entry.section.text.slice(start, first + AROUND);
    return (start ? "…" : "") + text + (first + AROUND < entry.text.length ? "…" : "");
  }

  function row(entry, words) {
    var item = document.createElement("li");
    var link = document.createElement("a");
    link.href = entry.section.url;
    var title = document.createElement("strong");
    title.append(marked(entry.section.title, words));
    link.append(title);
    if (entry.section.title !== entry.section.page) {
      var page = document.createElement("span");
      page.className = "docresults-page";
      page.textContent = entry.section.page;
      link.append(page);
    }
    var line = document.createElement("span");
    line.className = "docresults-text";
    line.append(marked(excerpt(entry, words), words));
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
    panel.hidden = true;
    list.textContent = "";
  }
  function search() {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) {
      close();
      return;
    }
    load().then(function (entries) {
      if (field.value.toLowerCase().split(/\s+/).filter(Boolean).join(" ") !== words.join(" ")) return;
      var found = entries
        .map(function (entry) { return { entry: entry, score: score(entry, words) }; })
        .filter(function (one) { return one.score; })
        .sort(function (a, b) { return b.score - a.score; });
      list.textContent = "";
      found.slice(0, MOST).forEach(function (one) { list.append(row(one.entry, words)); });
      panel.hidden = false;
      say(found.length ? box.dataset.some + " " + found.length : box.dataset.none);
    }, function () {
      panel.hidden = false;
      say(box.dataset.failed);
    });
  }

  field.addEventListener("focus", function () { load().catch(function () {}); });
  field.addEventListener("input", search);
  box.addEventListener("keydown", function (event) {
    var links = Array.prototype.slice.call(list.querySelectorAll("a"));
    var at = links.indexOf(document.activeElement);
    if (event.key === "Escape" && !panel.hidden) {
      event.preventDefault();
      field.value = "";
      close();
      field.focus();
    } else if (event.key === "ArrowDown" && links.length) {
      event.preventDefault();
      links[Math.min(at + 1, links.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (links[at - 1] || field).focus();
    } else if (event.key === "Enter" && document.activeElement === field && links.length) {
      event.preventDefault();
      links[0].click();
    }
  });
  list.addEventListener("click", function (event) {
    if (event.target.closest("a")) close();
  });
  document.addEventListener("click", function (event) {
    if (!box.contains(event.target)) close();
  });
})();
