// The page's one connection to its gateway, and the key where the gateway asks for one.

import { PoseBus } from "/client/posebus.js";
import { el } from "./dom.js";

const KEY = "posebus.key";

function storedKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const bus = new PoseBus(location.origin, { key: storedKey() });

let asking = null;

/** Asks for an API key; resolves when one was given that the gateway takes. One dialog, however many requests were refused. */
export function askForKey() {
  asking ??= new Promise((resolve) => {
    const field = el("input", { type: "password", id: "api-key", autocomplete: "off", spellcheck: "false", required: true });
    const words = el("p", { class: "failed-text", role: "alert" });
    const form = el("form", { method: "dialog", class: "sheet" },
      el("h2", { text: "API key" }),
      el("p", { text: "This gateway lets nobody in without a key. Whoever set it up has one for you."
        + " It is kept until this tab is closed." }),
      el("label", { for: "api-key", text: "Key" }), field, words,
      el("div", { class: "row end" }, el("button", { class: "button primary", type: "submit", text: "Use this key" })));
    const dialog = el("dialog", { "aria-label": "API key" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      bus.key = field.value.trim();
      try {
        await bus.status();
      } catch (error) {
        if (error.status === 401) {
          words.textContent = "The gateway does not take this key.";
          return field.select();
        }
      }
      try {
        sessionStorage.setItem(KEY, bus.key);
      } catch {
        // Then it lasts as long as the page.
      }
      dialog.remove();
      asking = null;
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
  return asking;
}

/** Runs requests; where a key is missing it asks for one and runs them again. */
export async function withKey(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error.status !== 401) throw error;
      await askForKey();
    }
  }
}
