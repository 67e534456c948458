// Filters the events by class, state and words. The page is whole without it.
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  var all = function (what) {
    return Array.prototype.slice.call(document.querySelectorAll(what));
  };
  var events = all(".event");
  var buttons = all("[data-class-button]");
  var state = document.getElementById("f-state");
  var words = document.getElementById("f-words");
  var shown = document.getElementById("f-shown");
  function show() {
    var on = buttons.filter(function (b) {
      return b.getAttribute("aria-pressed") === "true";
    }).map(function (b) {
      return b.getAttribute("data-class-button");
    });
    var asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    var n = 0;
    events.forEach(function (e) {
      var text = asked.length ? e.textContent.toLowerCase() : "";
      var fits = on.indexOf(e.getAttribute("data-class")) >= 0 &&
        (state.value === "" || e.getAttribute("data-states").split(" ").indexOf(state.value) >= 0) &&
        asked.every(function (w) {
          return text.indexOf(w) >= 0;
        });
      e.hidden = !fits;
      n += fits ? 1 : 0;
    });
    all("section.year").forEach(function (s) {
      s.hidden = !s.querySelector(".event:not([hidden])");
    });
    shown.textContent = shown.getAttribute("data-text").replace("{n}", n).replace("{all}", events.length);
  }
  buttons.forEach(function (b) {
    b.addEventListener("click", function () {
      b.setAttribute("aria-pressed", String(b.getAttribute("aria-pressed") !== "true"));
      show();
    });
  });
  state.addEventListener("change", show);
  words.addEventListener("input", show);
  show();
})();
