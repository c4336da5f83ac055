// Keys. A page says which it knows; the list that ? shows is made of the same words.

import { el } from "./dom.js";

const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
let pageKeys = [];
let everywhere = [];

/** Keys of the whole program: [[keys], words, action, group]. */
export function setGlobalKeys(keys) {
  everywhere = keys;
}

export function setPageKeys(keys) {
  pageKeys = keys;
}

function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shifted = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
  return shifted ? `Shift+${key}` : key;
}

/** What was pressed with a pointer gives the keys back to the page: the space bar plays, whatever was tapped before. */
function giveKeysBack() {
  let byPointer = false;
  document.addEventListener("pointerdown", () => (byPointer = true), true);
  document.addEventListener("keydown", () => (byPointer = false), true);
  document.addEventListener("click", ({ target }) => byPointer && !target.closest?.("dialog") && target.closest?.("button")?.blur());
  document.addEventListener("change", ({ target }) => byPointer && target.matches?.("select") && target.blur());
}

export function listenToKeys() {
  giveKeysBack();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    if (target.closest?.("input, textarea, select, dialog[open]")) return;
    // A button that has the focus answers to its own key.
    if ((event.key === " " || event.key === "Enter") && target.closest?.("button, a, summary")) return;
    const name = nameOf(event);
    const found = [...pageKeys, ...everywhere].find(([keys]) => keys.includes(name));
    if (!found) return;
    event.preventDefault();
    found[2](event);
  });
}

function keyCaps(keys) {
  if (keys.length > 4) return [el("kbd", { text: keys[0] }), "…", el("kbd", { text: keys.at(-1) })];
  const cap = (part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part);
  return keys.map((key) => el("kbd", { text: key === "+" ? key : key.split("+").map(cap).join(" + ") }));
}

export function showHelp() {
  const open = document.querySelector("dialog.help");
  if (open) return open.close();
  const section = (title, keys) => keys.length === 0 ? null : el("section", {}, el("h3", { text: title }),
    el("dl", { class: "keys" }, keys.map(([names, words]) => el("div", {}, el("dt", {}, keyCaps(names)), el("dd", { text: words })))));
  const dialog = el("dialog", { class: "help", "aria-label": "Keyboard shortcuts" },
    el("form", { method: "dialog", class: "sheet wide" },
      el("h2", { text: "Keyboard" }), section("On this page", pageKeys), section("Everywhere", everywhere),
      el("p", { class: "muted", text: "Picture: scroll or pinch to zoom, drag to move, double click to see it whole. "
        + "3D view: drag to turn, scroll or pinch to come closer, right button or two fingers to move." }),
      el("div", { class: "row end" }, el("button", { class: "button primary", text: "Close" }))));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}
