// The start: live streams in a grid, and what was recorded.

import { bus, withKey } from "./api.js";
import { count, dateOf, el, span } from "./dom.js";
import { LiveFeed, Rate } from "./livefeed.js";
import { Picture } from "./picture.js";
import { enter } from "./readout.js";
import { onStatus } from "./status.js";
import { uploadButton } from "./upload.js";

const RECORDINGS = 200;

export async function homePage(page) {
  enter("start");
  return new HomePage(page);
}

class HomePage {
  #tiles = new Map();
  #stops = [];
  #timer = 0;
  #listing = null;

  constructor(page) {
    this.grid = el("div", { class: "grid" });
    this.nobody = el("div", { class: "empty" },
      el("p", { text: "No stream is live." }),
      el("p", { class: "muted" },
        "Start a camera with ", el("code", { text: "posebus up /dev/video0" }), ", or drop a video anywhere on this page."));
    this.jobs = el("ul", { class: "recording-list jobs", "aria-label": "Videos being processed", hidden: true });
    this.list = el("div", { class: "recordings" }, el("p", { class: "muted", text: "Asking for recordings …" }));
    page.replaceChildren(
      el("section", { "aria-labelledby": "live-title" },
        el("div", { class: "section-head" }, el("h1", { id: "live-title", text: "Live" })), this.grid, this.nobody),
      el("section", { "aria-labelledby": "recordings-title" },
        el("div", { class: "section-head" }, el("h1", { id: "recordings-title", text: "Recordings" }), uploadButton()),
        this.jobs, this.list));
    this.feed = new LiveFeed({
      onStream: (name) => (shot, release) => this.#tile(name).show(shot, release),
      onSession: () => this.refresh(),
      onSkipped: ({ stream, count: number }) => this.#tiles.get(stream)?.skip(number),
    });
    this.#stops.push(onStatus((status) => this.#status(status)));
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.refresh(), 5000);
    this.refresh();
    this.keys = [];
  }

  #tile(name) {
    if (!this.#tiles.has(name)) {
      const tile = new Tile(name);
      this.#tiles.set(name, tile);
      this.grid.append(tile.element);
      this.nobody.hidden = true;
    }
    return this.#tiles.get(name);
  }

  #status(status) {
    for (const stream of status.streams ?? []) {
      if (stream.live) this.#tile(stream.stream);
      this.#tiles.get(stream.stream)?.facts(stream);
    }
    for (const tile of this.#tiles.values()) tile.tick(this.feed.lateOf(tile.name));
    const { queued = 0, processing = 0 } = status.jobs ?? {};
    if (queued + processing > 0 || !this.jobs.hidden) this.#showJobs();
  }

  /** Videos that wait or are being processed, whoever sent them. */
  async #showJobs() {
    let jobs = [];
    try {
      jobs = (await bus.jobs()).filter(({ status }) => status === "queued" || status === "processing");
    } catch {
      // The banner says what is wrong; the list comes back with the gateway.
    }
    this.jobs.replaceChildren(...jobs.map(jobRow));
    this.jobs.hidden = jobs.length === 0;
  }

  async refresh() {
    if (this.#listing) return;
    this.#listing = withKey(() => bus.sessions({ limit: RECORDINGS }));
    try {
      const sessions = await this.#listing;
      // Only what is new is drawn anew: whoever points at a recording keeps it.
      const text = JSON.stringify(sessions);
      if (text !== this.listed) this.list.replaceChildren(recordingTable(sessions.reverse()));
      this.listed = text;
    } catch (error) {
      this.listed = null;
      this.list.replaceChildren(el("p", { class: "failed-text", text: error.message }));
    }
    this.#listing = null;
  }

  close() {
    clearInterval(this.#timer);
    this.feed.close();
    for (const stop of this.#stops) stop();
    for (const tile of this.#tiles.values()) tile.picture.close();
  }
}

/** One live stream, small. */
class Tile {
  #rate = new Rate();
  #skipped = 0;

  constructor(name) {
    this.name = name;
    this.picture = new Picture({ name, note: "No picture comes with this stream", label: `Live: ${name}` });
    this.figures = el("p", { class: "tile-figures figures" });
    this.badge = el("span", { class: "badge live", text: "live" });
    this.element = el("a", { class: "tile", href: `#/live/${encodeURIComponent(name)}` }, this.picture.element,
      el("div", { class: "tile-text" }, el("h2", {}, this.badge, el("span", { class: "cut", text: name })), this.figures));
    this.latest = null;
  }

  show(shot, release) {
    this.#rate.tick();
    this.persons = shot.outcome.persons.length;
    this.picture.show(shot, release);
  }

  skip(number) {
    this.#skipped += number;
  }

  facts(stream) {
    this.latest = stream;
    this.badge.textContent = stream.live ? "live" : "ended";
    this.badge.classList.toggle("live", stream.live);
    if (!stream.live && stream.session) this.element.href = `#/recording/${encodeURIComponent(stream.session)}`;
    else this.element.href = `#/live/${encodeURIComponent(this.name)}`;
  }

  tick(late) {
    const { latest } = this;
    const parts = [];
    if (latest?.live) {
      const rate = latest.frames_per_second ?? this.#rate.value;
      parts.push(`${Math.round(rate)} fps`, `${Math.round(latest.latency_ms ?? 0)} ms`);
    }
    if (this.persons !== undefined) parts.push(count(this.persons, "person"));
    if (latest) parts.push(count(latest.drops, "drop"));
    const skipped = this.#skipped + late;
    if (skipped > 0) parts.push(`${skipped} skipped`);
    const text = parts.join(" · ");
    if (this.figures.textContent !== text) this.figures.textContent = text;
  }
}

function jobRow({ source, status, queue_position: position, progress: { frames, total }, session }) {
  const words = status === "queued" ? `waiting, ${position > 1 ? `${count(position - 1, "video")} before it` : "next"}`
    : total ? `${frames} of ${count(total, "frame")}` : count(frames, "frame");
  const bar = { max: String(total), value: String(frames), "aria-label": `Progress of ${source}` };
  return el("li", {}, el("a", { class: "recording-row", href: session ? `#/recording/${encodeURIComponent(session)}` : undefined },
    el("b", { text: source }), el("span", { class: "muted", text: status }), el("span", { class: "figures", text: words }),
    total && status === "processing" ? el("progress", bar) : null));
}

function recordingTable(sessions) {
  if (sessions.length === 0) return el("p", { class: "empty", text: "Nothing is recorded yet." });
  return el("ul", { class: "recording-list" }, sessions.map((session) => {
    const frames = session.poses + session.drops;
    const seconds = session.ended_ns ? (Number(session.ended_ns) - Number(session.began_ns)) / 1e9 : 0;
    const facts = [count(frames, "frame")];
    if (seconds > 0.05) facts.push(span(seconds));
    if (session.engine) facts.push(session.engine);
    if (session.revisions?.length > 0) facts.push("refined");
    if (session.kept_frames === 0) facts.push("no pictures kept");
    return el("li", {}, el("a", { href: `#/recording/${encodeURIComponent(session.session)}`, class: "recording-row" },
      el("b", { text: session.stream }),
      el("span", { class: "muted", text: dateOf(session.began_ns) }),
      el("span", { class: "figures", text: facts.join(" · ") }),
      session.drops > 0 ? el("span", { class: "figures dropped", text: count(session.drops, "drop") })
        : el("span", { class: "figures muted", text: "no drops" }),
      session.ended_ns === null ? el("span", { class: "badge live", text: "recording" }) : null));
  }));
}
