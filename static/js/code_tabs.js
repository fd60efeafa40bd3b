/* Examples in several languages: tabs that move with the arrow keys; the choice is remembered for every example. */
(function () {
  "use strict";

  var KEY = "code-language";
  var groups = Array.prototype.slice.call(document.querySelectorAll("[data-code-tabs]"));

  function tabs(group) {
    return Array.prototype.slice.call(group.querySelectorAll("[role=tab]"));
  }
  function show(group, language) {
    var found = tabs(group);
    if (!found.some(function (tab) { return tab.dataset.language === language; })) return;
    found.forEach(function (tab) {
      var chosen = tab.dataset.language === language;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
    });
  }
  function choose(tab) {
    var top = tab.getBoundingClientRect().top;
    groups.forEach(function (group) { show(group, tab.dataset.language); });
    try { localStorage.setItem(KEY, tab.dataset.language); } catch (error) { /* Not remembered then. */ }
    tab.focus({ preventScroll: true });
    /* Other examples above may have changed their height: what was clicked stays where it is. */
    window.scrollBy(0, tab.getBoundingClientRect().top - top);
  }

  var remembered = null;
  try { remembered = localStorage.getItem(KEY); } catch (error) { /* Storage may be off. */ }
  groups.forEach(function (group) {
    var all = tabs(group);
    show(group, all[0].dataset.language);
    if (remembered) show(group, remembered);
    group.dataset.ready = "";
    group.addEventListener("click", function (event) {
      var tab = event.target.closest("[role=tab]");
      if (tab) choose(tab);
    });
    group.addEventListener("keydown", function (event) {
      var at = all.indexOf(event.target);
      if (at < 0) return;
      var to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose(all[(to + all.length) % all.length]);
    });
  });
})();
