/* The pages of usage: say when there is something newer, and find a value in a long filter. Both work without it. */
(function () {
  "use strict";

  var EVERY = 60000;
  var MOST_FAILURES = 3;
  var box = document.querySelector("[data-fresh]");
  var failures = 0;

  function look() {
    if (document.hidden || failures >= MOST_FAILURES) return;
    fetch(box.dataset.fresh, { credentials: "same-origin", cache: "no-store" })
      .then(function (answer) {
        if (!answer.ok || answer.redirected) throw new Error("no answer");
        return answer.json();
      })
      .then(function (found) {
        failures = 0;
        if (found.newest === box.dataset.newest) return;
        clearInterval(timer);
        box.querySelector("[data-fresh-note]").hidden = false;
      })
      .catch(function () { failures += 1; });
  }
  var timer = box ? setInterval(look, EVERY) : 0;

  document.querySelectorAll("[data-pick-search]").forEach(function (field) {
    var menu = field.closest(".menu");
    field.addEventListener("input", function () {
      var wanted = field.value.trim().toLowerCase();
      menu.querySelectorAll("label").forEach(function (label) {
        label.hidden = Boolean(wanted) && label.textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
    /* Enter looks for the value; it does not send the form. */
    field.addEventListener("keydown", function (event) {
      if (event.key === "Enter") event.preventDefault();
    });
  });
})();
