// The menu of files a recording can be had as.

import { bus, withKey } from "./api.js";
import { button, el, icon, toast } from "./dom.js";

let formats = null;

const NEEDS = { smpl: "needs bodies: the engine hmr2 and its SMPL files", frames: "needs kept frames" };

/** What a recording lacks for a format, in words; empty where it has everything. */
function lacking(format, session) {
  return format.needs.filter((need) => (need === "frames" ? session.kept_frames === 0 : need === "smpl" && session.skeleton !== "" && session.skeleton !== "smpl44"));
}

export function exportMenu(session, revision) {
  const list = el("div", { class: "menu", role: "menu" });
  const summary = el("summary", { class: "button" }, icon("download"), el("span", { text: "Export" }));
  const details = el("details", { class: "dropdown" }, summary, list);
  details.addEventListener("toggle", () => {
    if (details.open) fill(list, session, revision, details);
  });
  details.addEventListener("focusout", (event) => {
    if (!details.contains(event.relatedTarget)) setTimeout(() => { if (!details.contains(document.activeElement)) details.open = false; }, 150);
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
  try {
    formats ??= await withKey(() => bus.exportFormats());
  } catch (error) {
    return list.replaceChildren(el("p", { class: "failed-text", text: error.message }));
  }
  list.replaceChildren(...formats.map((format) => {
    const missing = lacking(format, session);
    const needs = (format.needs ?? []).map((need) => NEEDS[need] ?? `needs ${need}`).join(", ");
    return el("button", { type: "button", role: "menuitem", disabled: missing.length > 0, onclick: () => {
      details.open = false;
      save(session, format, revision());
    } },
      el("b", { text: format.name }), el("span", {}, format.summary, needs ? el("small", { text: ` ${needs[0].toUpperCase()}${needs.slice(1)}${missing.length > 0 ? ", which this recording has not" : ""}.` }) : null));
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
    const link = el("a", { href: URL.createObjectURL(new Blob(parts, { type: format.media_type })), download: given ?? `${session.stream}.${format.extension}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    if (error.name !== "AbortError") toast(`No ${format.name}: ${error.message}`, { failed: true, seconds: 15 });
  }
  box.remove();
}
