// Runs before the page is drawn, so that a chosen theme does not flash the other one first. The only script that is no module.
(() => {
  try {
    const chosen = localStorage.getItem("posebus.theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; then the system's choice holds.
  }
})();
