// The program: header, addresses, keys.

import { button, el, icon } from "./dom.js";
import { homePage } from "./home.js";
import { listenToKeys, setGlobalKeys, setPageKeys, showHelp } from "./keyboard.js";
import { livePage } from "./live.js";
import { recordingPage } from "./recording.js";
import { statusElement, watchStatus } from "./status.js";
import { acceptDrops } from "./upload.js";
import { comparePage } from "./compare.js";

const PAGES = { "": homePage, live: livePage, recording: recordingPage, compare: comparePage };
const page = document.getElementById("page");
let current = null;
let turn = 0;
let shownPath = null;

/** Opens what the address names: #/live/NAME, #/recording/SESSION?t=SEQUENCE, #/compare/A/B. */
async function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [kind, ...names] = path.split("/").map(decodeURIComponent);
  const mine = ++turn;
  current?.close?.();
  current = null;
  shownPath = path;
  setPageKeys([]);
  page.replaceChildren(el("p", { class: "empty muted", text: "Loading …" }));
  markNavigation(kind);
  try {
    const make = PAGES[kind];
    if (!make) throw new Error(`There is no page ${location.hash}.`);
    const made = await make(page, names, new URLSearchParams(query));
    if (mine !== turn) return made.close?.();
    current = made;
    setPageKeys(made.keys ?? []);
  } catch (error) {
    if (mine !== turn) return;
    page.replaceChildren(el("div", { class: "empty" }, el("p", { class: "failed-text", text: error.message }),
      el("p", { class: "row centred" },
        button(null, "Try again", route, { text: "Try again", class: "button primary" }),
        el("a", { class: "button", href: "#/", text: "To the start" }))));
  }
}

const NAVIGATION = [["#/", "Start", ["", "live", "recording"]], ["#/compare", "Compare", ["compare"]]];

function markNavigation(kind) {
  document.querySelector(".top-nav").replaceChildren(...NAVIGATION.map(([href, text, kinds]) =>
    el("a", { href, text, "aria-current": kinds.includes(kind) ? "page" : undefined })));
  document.title = kind === "" ? "PoseBus" : `${kind[0].toUpperCase()}${kind.slice(1)} · PoseBus`;
}

function currentTheme() {
  return document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

function switchTheme() {
  const theme = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("posebus.theme", theme);
  } catch {
    // Then it lasts as long as the page.
  }
  paintThemeButton();
  document.dispatchEvent(new CustomEvent("posebus:theme"));
}

const themeButton = button("sun", "Dark or light", switchTheme, { key: "T" });
function paintThemeButton() {
  themeButton.replaceChildren(icon(currentTheme() === "dark" ? "sun" : "moon"));
}

document.querySelector(".top-tools").append(statusElement(), button("help", "Keyboard shortcuts", showHelp, { key: "?" }), themeButton);
paintThemeButton();
matchMedia("(prefers-color-scheme: light)").addEventListener("change", paintThemeButton);
setGlobalKeys([
  [["?"], "This list", showHelp],
  [["t"], "Dark or light", switchTheme],
  [["Escape"], "Back to the start", () => (location.hash = "#/")],
]);
listenToKeys();
acceptDrops();
window.addEventListener("hashchange", () => {
  // A page may write its own place into the address; that is no move to another.
  if (location.hash.replace(/^#\/?/, "").split("?")[0] !== shownPath || location.hash.includes("?t=")) route();
});
route();
watchStatus();
