// A recording: picture and 3D view, timeline, transport.

import { bus, withKey } from "./api.js";
import { button, clock, count, dateOf, el, press, span, toast } from "./dom.js";
import { exportMenu } from "./exports.js";
import { Player } from "./player.js";
import { enter } from "./readout.js";
import { change } from "./settings.js";
import { Timeline } from "./timeline.js";
import { SPEEDS, Transport } from "./transport.js";
import { Views } from "./views.js";

export async function recordingPage(page, [id], query) {
  const session = await withKey(() => bus.session(id));
  enter("recording", { stream: session.stream, session: id });
  const player = new Player(session, { revision: query.get("revision") ?? "original" });
  await player.load();
  if (player.count === 0) {
    page.replaceChildren(titleRow(session, player, null), el("p", { class: "empty", text: "Nothing is stored of this session yet." }));
    return { close: () => player.close() };
  }
  return new RecordingPage(page, player, query);
}

/** Heading of a recording. */
function titleRow(session, player, tools) {
  const facts = [dateOf(session.began_ns), count(session.poses + session.drops, "frame"), span(player.duration)];
  if (session.drops > 0) facts.push(count(session.drops, "drop"));
  if (session.engine) facts.push(session.engine);
  if (session.ended_ns === null) facts.push("still being recorded");
  return el("div", { class: "title-row" },
    el("a", { class: "button icon-only", href: "#/", "aria-label": "All streams and recordings", title: "All streams and recordings" }, button("back", "").firstChild),
    el("div", { class: "title" }, el("h1", { text: session.stream }), el("p", { class: "muted figures", text: facts.join(" · ") })),
    el("div", { class: "row tools" }, tools));
}

class RecordingPage {
  #linkTimer = 0;
  #growing = 0;

  constructor(page, player, query) {
    this.player = player;
    const { session } = player;
    this.views = new Views({ name: "main", label: `Frames of ${session.stream} with what was found in them` });
    this.part = { player, offset: 0, show: (index) => this.#show(index) };
    this.transport = new Transport([this.part]);
    this.transport.onChange = () => this.#paint();
    player.onFailure = (error) => this.#failed(error);
    this.timeline = new Timeline(player, { onSeek: (time) => this.transport.seek(time), onPause: () => this.transport.pause() });
    this.controls = new Controls(this.transport, this.part);
    this.page = page;
    page.replaceChildren(el("section", { class: "player" },
      titleRow(session, player, this.#tools()), this.views.element, this.views.bar, this.timeline.element, this.controls.element));
    const asked = Number(query.get("t"));
    const index = Number.isFinite(asked) && query.has("t") ? Math.min(player.count - 1, Math.max(0, asked - player.first)) : 0;
    this.transport.seek(player.times[index]);
    if (session.ended_ns === null) this.#growing = setInterval(() => this.#grow(), 3000);
    this.keys = this.#keys();
  }

  #tools() {
    const { session } = this.player;
    const tools = [];
    if (session.revisions?.length > 0) {
      const choice = el("select", { "aria-label": "Which poses", title: "Original poses, or refined ones", onchange: () => this.#revise(choice.value) },
        el("option", { value: "original", text: "Original" }),
        session.revisions.map(({ number }) => el("option", { value: String(number), text: `Refined ${number}` })));
      choice.value = this.player.revision;
      tools.push(choice);
    }
    tools.push(el("a", { class: "button", href: `#/compare/${encodeURIComponent(session.session)}` }, button("compare", "").firstChild, el("span", { text: "Compare" })));
    tools.push(exportMenu(session, () => this.player.revision));
    return tools;
  }

  #show(index) {
    this.views.show(this.player.shot(index));
    // The address follows, so that it can be sent to somebody; not sixty times a second.
    clearTimeout(this.#linkTimer);
    this.#linkTimer = setTimeout(() => {
      const revision = this.player.revision === "original" ? "" : `&revision=${this.player.revision}`;
      history.replaceState(null, "", `#/recording/${encodeURIComponent(this.player.session.session)}?t=${this.player.sequenceOf(this.player.index)}${revision}`);
    }, 300);
  }

  #paint() {
    this.timeline.range = this.transport.looping ? this.transport.range : null;
    this.timeline.setTime(this.transport.time);
    this.controls.paint();
  }

  async #revise(revision) {
    try {
      await this.player.use(revision);
      this.views.forgetPeople();
      this.timeline.redraw();
      this.transport.refresh();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #grow() {
    try {
      await this.player.refresh();
    } catch {
      // Asked again soon; the banner says what is wrong.
      return;
    }
    this.timeline.to = this.player.duration;
    this.timeline.redraw();
    this.#paint();
    if (this.player.session.ended_ns !== null) clearInterval(this.#growing);
  }

  #failed(error) {
    const now = performance.now();
    if (now - (this.toldAt ?? -1e9) < 8000) return;
    this.toldAt = now;
    toast(error.message, { failed: true });
  }

  #keys() {
    const { transport, views } = this;
    return [
      [[" ", "k"], "Play or pause", () => transport.toggle()],
      [["ArrowLeft", ","], "One frame back", () => transport.step(-1)],
      [["ArrowRight", "."], "One frame on", () => transport.step(1)],
      [["Shift+ArrowLeft", "j"], "Ten frames back", () => transport.step(-10)],
      [["Shift+ArrowRight", "l"], "Ten frames on", () => transport.step(10)],
      [["Home"], "First frame", () => transport.show(0)],
      [["End"], "Last frame", () => transport.show(this.player.count - 1)],
      [["g"], "Next gap or drop", () => this.controls.jump(1)],
      [["Shift+g"], "Gap or drop before", () => this.controls.jump(-1)],
      [["-", "ArrowDown"], "Slower", () => transport.changeSpeed(-1)],
      [["+", "=", "ArrowUp"], "Faster", () => transport.changeSpeed(1)],
      [["o"], "Loop", () => this.controls.toggleLoop()],
      [["["], "Loop from here", () => this.controls.loopFrom()],
      [["]"], "Loop up to here", () => this.controls.loopTo()],
      ...viewKeys(views),
    ];
  }

  close() {
    clearTimeout(this.#linkTimer);
    clearInterval(this.#growing);
    this.transport.close();
    this.timeline.close();
    this.views.close();
  }
}

/** Keys for what is shown, the same for live and recorded. */
export function viewKeys(views) {
  return [
    [["v"], "Picture on or off", () => change("picture")],
    [["s"], "Skeleton on or off", () => change("skeleton")],
    [["m"], "Mesh on or off", () => change("mesh")],
    [["n"], "Numbers of persons on or off", () => change("names")],
    [["d"], "3D view on or off", () => change("scene")],
    [["1", "2", "3", "4", "5", "6", "7", "8", "9"], "That person alone", (event) => views.focusNumber(Number(event.key))],
    [["0"], "All persons", () => views.focus !== null && views.setFocus(views.focus)],
    [["q"], "3D: from the front", () => views.scene?.look("front")],
    [["w"], "3D: from the side", () => views.scene?.look("side")],
    [["e"], "3D: from above", () => views.scene?.look("top")],
    [["r"], "3D: as the camera saw it", () => views.scene?.look("camera")],
    [["z"], "Whole picture", () => views.picture.resetZoom()],
    [["f"], "Full screen", () => fullScreen(views.element)],
  ];
}

export function fullScreen(element) {
  if (document.fullscreenElement) document.exitFullscreen();
  else element.requestFullscreen?.().catch(() => {});
}

/** Buttons and figures under the timeline. */
export class Controls {
  constructor(transport, part) {
    this.transport = transport;
    this.part = part;
    const { player } = part;
    this.playButton = button("play", "Play", () => transport.toggle(), { key: "Space", class: "button icon-only primary play" });
    this.pauseIcon = button("pause", "").firstChild;
    this.playIcon = this.playButton.firstChild;
    this.position = el("p", { class: "position figures", "aria-live": "off" });
    this.loopButton = button("loop", "Loop", () => this.toggleLoop(), { key: "O" });
    this.speed = el("select", { class: "speed", "aria-label": "Speed", title: "Speed (+ and −)", onchange: () => transport.setSpeed(Number(this.speed.value)) },
      SPEEDS.map((speed) => el("option", { value: String(speed), text: `${speed}×` })));
    this.stops = [...player.drops.keys(), ...player.gaps.map(({ index }) => index)].sort((a, b) => a - b);
    // A run of drops is one place to go to.
    this.stops = this.stops.filter((index, place) => index !== this.stops[place - 1] + 1 && index !== this.stops[place - 1]);
    const none = this.stops.length === 0;
    this.element = el("div", { class: "controls", role: "group", "aria-label": "Playback" },
      el("div", { class: "row" },
        button("first", "First frame", () => transport.show(0, part), { key: "Home", class: "button icon-only wide-only" }),
        button("previous", "One frame back", () => transport.step(-1, part), { key: "←" }),
        this.playButton,
        button("next", "One frame on", () => transport.step(1, part), { key: "→" }),
        button("last", "Last frame", () => transport.show(player.count - 1, part), { key: "End", class: "button icon-only wide-only" })),
      this.position,
      el("div", { class: "row" },
        button("mark", none ? "No gaps and no drops" : "Next gap or drop", () => this.jump(1), { key: "G", disabled: none }),
        this.loopButton, this.speed));
  }

  /** Goes to the next place where something is missing, round and round. */
  jump(direction) {
    if (this.stops.length === 0) return;
    const now = this.transport.indexOf(this.part);
    const found = direction > 0 ? this.stops.find((index) => index > now) ?? this.stops[0]
      : [...this.stops].reverse().find((index) => index < now) ?? this.stops.at(-1);
    this.transport.show(found, this.part);
  }

  toggleLoop() {
    this.transport.looping = !this.transport.looping;
    if (!this.transport.looping) this.transport.range = null;
    this.transport.onChange();
  }

  loopFrom() {
    const [, end] = this.transport.range ?? this.transport.bounds;
    this.#loop(this.transport.time, Math.max(end, this.transport.time + this.part.player.usualStep));
  }

  loopTo() {
    const [begin] = this.transport.range ?? this.transport.bounds;
    const end = this.transport.time + this.part.player.usualStep;
    this.#loop(Math.min(begin, this.transport.time), end);
  }

  #loop(begin, end) {
    this.transport.looping = true;
    this.transport.range = [begin, end];
    this.transport.onChange();
  }

  paint() {
    const { transport, part } = this;
    const { player } = part;
    const index = transport.indexOf(part);
    const shown = transport.playing ? this.pauseIcon : this.playIcon;
    if (this.playButton.firstChild !== shown) {
      this.playButton.replaceChildren(shown);
      const label = transport.playing ? "Pause" : "Play";
      this.playButton.setAttribute("aria-label", label);
      this.playButton.title = `${label} (Space)`;
    }
    press(this.loopButton, transport.looping);
    this.element.classList.toggle("waiting", transport.waiting);
    const text = `${clock(transport.time + part.offset)} / ${clock(player.duration)}  frame ${player.sequenceOf(index)} of ${player.sequenceOf(player.count - 1)}`;
    if (this.position.textContent !== text) this.position.textContent = text;
    if (document.activeElement !== this.speed) this.speed.value = String(transport.speed);
  }
}
