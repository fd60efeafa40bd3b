/* Runs before the first paint: resolves the theme "system", and says that scripts run. */
(function () {
  var root = document.documentElement;
  root.classList.remove("nojs");
  if (root.dataset.theme === "system") {
    var dark = window.matchMedia("(prefers-color-scheme: dark)");
    var set = function () {
      root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
    };
    set();
    dark.addEventListener("change", set);
  }
})();
