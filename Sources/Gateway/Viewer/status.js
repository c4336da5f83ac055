// Whether everything runs, in plain words: three dots in the header, and a banner while something is wrong.

import { askForKey, bus } from "./api.js";
import { el } from "./dom.js";
import { readout } from "./readout.js";

const STAGES = ["ingest", "infer", "sink"];
/** What it means, where the gateway itself does not say so. */
const WITHOUT = {
  ingest: "No new frames come in until it is back.",
  infer: "Frames wait: no poses are found until it is back.",
  sink: "Nothing is stored or shown live, and recordings cannot be opened, until it is back.",
};
const INTERVAL = 1000;

const listeners = new Set();
let dots = null;
let banner = null;
let lastText = "";
let hideLater = 0;
let failures = 0;
let wasDown = new Set();
let gatewayDown = false;

/** Calls the listener with every status. */
export function onStatus(listener) {
  listeners.add(listener);
  if (readout.status) listener(readout.status);
  return () => listeners.delete(listener);
}

/** The dots for the header. */
export function statusElement() {
  const dot = (name) => el("span", { class: "dot", data: { state: "unknown" }, title: name }, el("span", { text: name }));
  dots = new Map(STAGES.map((name) => [name, dot(name)]));
  return el("div", { class: "stages", role: "group", "aria-label": "Stages" }, [...dots.values()]);
}

/** Takes a status in: from a request, or from the live connection. */
export function take(status) {
  readout.status = status;
  failures = 0;
  show(status);
  for (const listener of [...listeners]) listener(status);
}

function show(status) {
  const down = STAGES.filter((name) => status.stages?.[name]?.state === "down");
  for (const name of STAGES) paint(name, status.stages?.[name]);
  if (down.length > 0) {
    const why = ({ detail, endpoint }, name) => detail || `Nothing answers at ${endpoint}. ${WITHOUT[name]}`;
    say("down", down.map((name) => `${name} is down. ${why(status.stages[name], name)}`));
  } else if (gatewayDown) {
    say("up", ["The gateway is back."]);
  } else if (wasDown.size > 0) {
    say("up", [`${[...wasDown].join(" and ")} ${wasDown.size === 1 ? "is" : "are"} back; everything runs.`]);
  }
  gatewayDown = false;
  wasDown = new Set(down);
}

function paint(name, stage) {
  const state = stage?.state ?? "unknown";
  const dot = dots?.get(name);
  if (!dot) return;
  dot.dataset.state = state;
  dot.title = `${name}: ${state}${stage?.endpoint ? `, ${stage.endpoint}` : ""}`;
  dot.setAttribute("aria-label", `${name} is ${state}`);
}

/** Shows lines in the banner; good news goes by itself. */
function say(kind, lines) {
  banner ??= document.getElementById("banner");
  const text = kind + lines.join("\n");
  if (text === lastText) return;
  lastText = text;
  clearTimeout(hideLater);
  banner.dataset.kind = kind;
  banner.replaceChildren(...lines.map((line) => el("p", { text: line })));
  banner.hidden = false;
  if (kind === "up") {
    hideLater = setTimeout(() => {
      banner.hidden = true;
      lastText = "";
    }, 6000);
  }
}

async function poll() {
  try {
    take(await bus.status({ signal: AbortSignal.timeout?.(4000) }));
  } catch (error) {
    if (error.status === 401) {
      await askForKey();
    } else {
      failures += 1;
      // One lost request is no news.
      if (failures >= 2) lost(error);
    }
  }
}

function lost(error) {
  gatewayDown = true;
  readout.status = null;
  for (const name of STAGES) paint(name, undefined);
  const why = error.status > 0 ? error.message : "The gateway does not answer.";
  say("down", [`${why} Trying again every second; what is shown goes on by itself once it is back. `
    + `Is posebus-gateway running at ${location.host}?`]);
}

/** Asks every second while the page is seen. */
export async function watchStatus() {
  for (;;) {
    if (document.visibilityState === "visible") await poll();
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}
