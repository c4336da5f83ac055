// A video from this machine: sent, processed, then shown.

import { bus, withKey } from "./api.js";
import { button, count, el, icon, toast } from "./dom.js";

let field = null;

export function uploadButton() {
  return button("upload", "Upload a video", choose, { text: "Upload a video", class: "button" });
}

function choose() {
  if (!field) {
    field = el("input", { type: "file", accept: "video/*,.mkv,.ts,.mts,.avi", hidden: true, onchange: () => {
      for (const file of field.files) send(file);
      field.value = "";
    } });
    document.body.append(field);
  }
  field.click();
}

/** Videos may be dropped anywhere. */
export function acceptDrops() {
  const veil = el("div", { class: "veil", hidden: true }, icon("upload"), el("p", { text: "Drop the video to find the poses in it" }));
  document.body.append(veil);
  let depth = 0;
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const shown = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => files(event) && shown(1));
  document.addEventListener("dragleave", (event) => files(event) && shown(-1));
  document.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    shown(-depth);
    for (const file of event.dataTransfer.files) send(file);
  });
}

/** Sends one video and stays with it until it is processed; opens it if the reader has not gone somewhere else meanwhile. */
async function send(file) {
  const place = location.hash;
  const stop = new AbortController();
  let job = null;
  const words = el("span", { text: `${file.name}: sending` });
  const bar = el("progress", { max: "1", value: "0", "aria-label": `Progress of ${file.name}` });
  const cancel = button("close", "Cancel", () => {
    stop.abort();
    if (job) bus.cancelJob(job.job_id).catch(() => {});
  });
  const box = el("div", { class: "toast upload" }, el("div", {}, words, bar), cancel);
  document.getElementById("toasts").append(box);
  const say = (text, part) => {
    words.textContent = `${file.name}: ${text}`;
    if (part === undefined) bar.removeAttribute("value");
    else bar.value = part;
  };
  try {
    job = await withKey(() => bus.uploadVideo(file, {
      signal: stop.signal,
      onProgress: ({ sent, total }) => say(`sending, ${(sent / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`, sent / total),
    }));
    const last = await withKey(() => bus.finishedJob(job.job_id, { signal: stop.signal, onProgress: (state) => processing(state, say) }));
    box.remove();
    if (stop.signal.aborted || last.status === "cancelled") return;
    if (last.status === "failed") return toast(`${file.name}: ${last.error}`, { failed: true, seconds: 20 });
    const link = `#/recording/${encodeURIComponent(last.session)}`;
    if (location.hash === place) location.hash = link;
    else toast(`${file.name} is ready.`, { link, seconds: 20 });
  } catch (error) {
    box.remove();
    if (!stop.signal.aborted) toast(`${file.name}: ${error.message}`, { failed: true, seconds: 20 });
  }
}

function processing(job, say) {
  const { frames, total } = job.progress;
  const before = (job.queue_position ?? 1) - 1;
  if (job.status === "queued") say(before > 0 ? `waiting, ${count(before, "video")} before it` : "waiting to be processed");
  else if (total) say(`${frames} of ${count(total, "frame")}`, frames / total);
  else say(count(frames, "frame"));
}
