/* The bars of ninety days: one tab stop a component, the arrow keys tell each day. Read as a list they need no script. */
(function () {
  "use strict";

  var status = document.getElementById("status");

  function bars(event) {
    return event.target.closest ? event.target.closest("[data-bars]") : null;
  }
  function point(list, place) {
    Array.prototype.forEach.call(list.children, function (bar, number) {
      bar.classList.toggle("at", number === place);
    });
    list.dataset.at = place;
    if (place >= 0 && status) status.textContent = list.children[place].textContent;
  }

  document.addEventListener("keydown", function (event) {
    var list = bars(event);
    if (!list) return;
    var last = list.children.length - 1;
    var at = list.dataset.at === undefined || list.dataset.at === "-1" ? last + 1 : Number(list.dataset.at);
    var next = { ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(last, at + 1), Home: 0, End: last, Escape: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    point(list, next);
  });
  document.addEventListener("focusout", function (event) {
    var list = bars(event);
    if (list) point(list, -1);
  });
})();
