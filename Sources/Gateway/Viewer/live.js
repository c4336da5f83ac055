// One live stream, large.

import { button, el, pageHead } from "./dom.js";
import { LiveFeed, Rate } from "./livefeed.js";
import { enter } from "./readout.js";
import { onChange, settings } from "./settings.js";
import { onStatus } from "./status.js";
import { fullScreen, viewKeys } from "./viewkeys.js";
import { Views } from "./views.js";

export async function livePage(page, [name]) {
  enter("live", { stream: name });
  return new LivePage(page, name);
}

class LivePage {
  #rate = new Rate();
  #skipped = 0;
  #stops = [];
  #endedSession = null;
  #moment = 0;
  /** Milliseconds that the gateway's clock is ahead of this machine's. */
  #clock = 0;

  constructor(page, name) {
    this.name = name;
    this.views = new Views({ note: "No picture comes with this stream", label: `Live: ${name}` });
    this.badge = el("span", { class: "badge", text: "waiting" });
    this.figures = el("dl", { class: "live-figures" });
    this.ended = el("div", { class: "live-end", hidden: true });
    this.views.picture.element.append(this.ended);
    page.replaceChildren(el("section", { class: "player" },
      pageHead([el("span", { class: "cut", text: name }), this.badge], "Picture and pose of the same frame, as they come",
        button("full", "Full screen", () => fullScreen(this.views.element), { key: "F" })),
      this.views.element, this.views.bar, this.figures));
    this.feed = new LiveFeed({
      streams: [name],
      meshes: this.#wantsMeshes(),
      onStream: () => (shot, release) => this.#show(shot, release),
      onSession: (message) => this.#sessionChanged(message),
      onSkipped: ({ count: number }) => (this.#skipped += number),
      onState: (state) => this.#stateChanged(state),
    });
    this.#stops.push(onChange(() => this.feed.live.want({ meshes: this.#wantsMeshes() })), onStatus((status) => this.#status(status)));
    this.keys = viewKeys([this.views]);
  }

  /** Meshes are 80 kB a person and frame: only while they are looked at. */
  #wantsMeshes() {
    return settings.mesh || settings.scene;
  }

  #show(shot, release) {
    this.#rate.tick();
    this.latest = shot.outcome;
    // Frames of a stream that has ended may still be waiting to be drawn.
    if (shot.session !== this.#endedSession) {
      this.ended.hidden = true;
      this.#mark("live", true);
    }
    this.views.show(shot, release);
    this.delay = this.#delayOf(shot.outcome);
    const now = performance.now();
    if (now - this.#moment > 250) {
      this.#moment = now;
      this.#paint();
    }
  }

  /** Milliseconds from capture until now, by the gateway's clock; undefined where the camera's clock is another. */
  #delayOf({ capture_time_ns: capture }) {
    const delay = Date.now() + this.#clock - Number(capture) / 1e6;
    return delay >= 0 && delay < 60_000 ? delay : undefined;
  }

  #mark(text, live) {
    if (this.badge.textContent === text) return;
    this.badge.textContent = text;
    this.badge.classList.toggle("live", live);
  }

  #stateChanged(state) {
    if (state === "waiting" || state === "connecting") this.#mark(this.latest ? "reconnecting" : "waiting", false);
  }

  #sessionChanged(message) {
    if (message.stream !== this.name || message.event !== "end") return;
    this.#offer(message.session);
  }

  /** A stream that ended: the recording is one tap away. */
  #offer(session) {
    if (session === this.#endedSession) return;
    this.#endedSession = session;
    this.#mark("ended", false);
    this.ended.replaceChildren(el("p", { text: "This stream has ended." }),
      el("a", { class: "button primary", href: `#/recording/${encodeURIComponent(session)}`, text: "Watch the recording" }));
    this.ended.hidden = false;
  }

  #status(status) {
    const stream = (status.streams ?? []).find((one) => one.stream === this.name);
    if (stream) this.stream = stream;
    this.#clock = Number(status.time_ns) / 1e6 - Date.now();
    if (stream && !stream.live && !this.latest) this.#offer(stream.session);
    this.#paint();
  }

  #paint() {
    const { latest, stream } = this;
    const timing = latest?.timing_ms ?? {};
    const rows = [
      ["Stream", stream ? `${(stream.frames_per_second ?? 0).toFixed(1)} fps` : "–"],
      ["Drawn", `${this.#rate.value.toFixed(1)} fps`],
      ["Latency", timing.total !== undefined ? `${Math.round(timing.total)} ms` : "–"],
      ["To the screen", this.delay !== undefined ? `${Math.round(this.delay)} ms` : "–"],
      ["Inference", timing.infer !== undefined ? `${Math.round(timing.infer)} ms` : "–"],
      ["Frame", latest ? String(latest.sequence) : "–"],
      ["Persons", latest ? String(latest.persons.length) : "–"],
      ["Drops", stream ? String(stream.drops) : "–"],
      ["Skipped", String(this.#skipped + this.feed.lateOf(this.name))],
    ];
    if (this.figures.childElementCount === 0) {
      this.figures.append(...rows.map(([name]) => el("div", {}, el("dt", { text: name }), el("dd", { class: "figures" }))));
    }
    rows.forEach(([, value], index) => {
      const field = this.figures.children[index].lastChild;
      if (field.textContent !== value) field.textContent = value;
    });
  }

  close() {
    this.feed.close();
    for (const stop of this.#stops) stop();
    this.views.close();
  }
}
