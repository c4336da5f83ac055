// The menu of files a recording can be had as.

import { bus, withKey } from "./api.js";
import { bodyModel } from "./body.js";
import { button, el, icon, toast } from "./dom.js";

let formats = null;

/** What a format may need, and how what is missing is said. */
const NEEDS = {
  smpl: ["bodies, which the engine hmr2 finds", ({ skeleton }) => skeleton === "" || skeleton === "smpl44"],
  body: ["the SMPL files at the gateway", (_, body) => body !== null],
  frames: ["kept frames", ({ kept_frames: kept }) => kept > 0],
};

function needsOf(format, session, body) {
  const known = (format.needs ?? []).map((need) => NEEDS[need] ?? [need, () => true]);
  return { words: known.map(([words]) => words).join(" and "), missing: known.some(([, has]) => !has(session, body)) };
}

export function exportMenu(session, revision) {
  const list = el("div", { class: "menu", role: "menu" });
  const summary = el("summary", { class: "button" }, icon("download"), el("span", { text: "Export" }));
  const details = el("details", { class: "dropdown" }, summary, list);
  details.addEventListener("toggle", () => {
    if (details.open) fill(list, session, revision, details);
  });
  details.addEventListener("focusout", (event) => {
    if (details.contains(event.relatedTarget)) return;
    setTimeout(() => (details.open &&= details.contains(document.activeElement)), 150);
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    summary.focus();
    event.stopPropagation();
  });
  return details;
}

async function fill(list, session, revision, details) {
  if (list.childElementCount > 0) return;
  list.replaceChildren(el("p", { class: "muted", text: "Asking the gateway …" }));
  let body = null;
  try {
    formats ??= await withKey(() => bus.exportFormats());
    // Only who has bodies can want the model.
    if (session.skeleton === "smpl44") body = await bodyModel();
  } catch (error) {
    return list.replaceChildren(el("p", { class: "failed-text", text: error.message }));
  }
  list.replaceChildren(...formats.map((format) => {
    const { words, missing } = needsOf(format, session, body);
    return el("button", { type: "button", role: "menuitem", disabled: missing, onclick: () => {
      details.open = false;
      save(session, format, revision());
    } },
      el("b", { text: format.name }),
      el("span", {}, format.summary, words ? el("small", { text: ` Needs ${words}${missing ? ": not here" : ""}.` }) : null));
  }));
}

/** Fetches the file and gives it to the browser to save; what goes wrong is said here and not in a page of JSON. */
async function save(session, format, revision) {
  const words = el("span", { text: `Preparing ${format.name} …` });
  const stop = new AbortController();
  const box = el("div", { class: "toast" }, words, button("close", "Cancel", () => stop.abort()));
  document.getElementById("toasts").append(box);
  try {
    const path = `/v1/sessions/${encodeURIComponent(session.session)}/export`;
    const answer = await withKey(() => bus.request(path, { query: { format: format.name, revision }, signal: stop.signal }));
    const parts = [];
    let size = 0;
    const reader = answer.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      parts.push(piece.value);
      size += piece.value.byteLength;
      words.textContent = `${format.name}: ${(size / 1e6).toFixed(1)} MB`;
    }
    const given = /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
    const href = URL.createObjectURL(new Blob(parts, { type: format.media_type }));
    const link = el("a", { href, download: given ?? `${session.stream}.${format.extension}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    if (error.name !== "AbortError") toast(`No ${format.name}: ${error.message}`, { failed: true, seconds: 15 });
  }
  box.remove();
}
