// Highlights one option on the map and in the charts. The page is whole without it.
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  var buttons = Array.prototype.slice.call(document.querySelectorAll("[data-pick]"));
  function pick(rank) {
    buttons.forEach(function (b) {
      b.setAttribute("aria-pressed", String(b.getAttribute("data-pick") === rank));
    });
    document.querySelectorAll("[data-rank],[data-ranks]").forEach(function (e) {
      var ranks = (e.getAttribute("data-ranks") || e.getAttribute("data-rank") || "").split(" ");
      var mine = ranks.indexOf(rank) >= 0;
      e.classList.toggle("dim", rank !== "" && !mine);
      e.classList.toggle("picked", rank !== "" && mine);
    });
  }
  buttons.forEach(function (b) {
    b.addEventListener("click", function () {
      var again = b.getAttribute("aria-pressed") === "true";
      pick(again ? "" : b.getAttribute("data-pick"));
    });
  });
  // A page is printed whole.
  window.addEventListener("beforeprint", function () {
    pick("");
  });
})();
