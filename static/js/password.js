/* How strong a new password is, in words below its field. The server decides; this only helps. */
(function () {
  "use strict";

  /* Length counts most, then how many different characters there are: a passphrase is strong without signs. */
  function level(text) {
    if (text.length < 10) return "short";
    var different = new Set(text.toLowerCase()).size;
    var kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter(function (kind) { return kind.test(text); }).length;
    if (different < 6 || (text.length < 14 && kinds < 2)) return "weak";
    return text.length >= 16 || (text.length >= 12 && kinds >= 3) ? "strong" : "fair";
  }

  document.querySelectorAll("[data-strength]").forEach(function (field) {
    var words = document.createElement("p");
    words.className = "hint strength";
    words.setAttribute("role", "status");
    field.after(words);
    var timer = 0;
    field.addEventListener("input", function () {
      /* Said once somebody pauses, not at every key. */
      clearTimeout(timer);
      timer = setTimeout(function () {
        var found = field.value ? level(field.value) : "";
        words.textContent = found ? field.dataset[found] : "";
        words.dataset.level = found;
      }, 400);
    });
  });
})();
