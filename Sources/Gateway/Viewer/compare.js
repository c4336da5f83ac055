// Two recordings side by side on one clock, each with its own offset.

import { bus, withKey } from "./api.js";
import { Controls } from "./controls.js";
import { button, dateOf, el, pageHead, toast } from "./dom.js";
import { Player } from "./player.js";
import { enter } from "./readout.js";
import { Timeline } from "./timeline.js";
import { Transport } from "./transport.js";
import { viewKeys } from "./viewkeys.js";
import { Views } from "./views.js";

const LETTERS = ["A", "B"];

/** #/compare/A/B?a=SECONDS&b=SECONDS; with one or none chosen it asks for the others. */
export async function comparePage(page, ids, query) {
  const sessions = (await withKey(() => bus.sessions())).reverse();
  const chosen = LETTERS.map((_, place) => ids[place] || null);
  enter("compare", { session: chosen.filter(Boolean).join("/") });
  if (sessions.length === 0) {
    page.replaceChildren(el("p", { class: "empty", text: "Nothing is recorded yet: two recordings can be compared once there are two." }));
    return {};
  }
  const choices = chosen.map((id, place) => choice(sessions, id, place, (session) => {
    const now = [...chosen];
    now[place] = session;
    location.hash = `#/compare/${now.map((one) => encodeURIComponent(one ?? "")).join("/")}`;
  }));
  const head = pageHead("Side by side", "One clock for both; the arrows over a picture move that one alone");
  if (chosen.includes(null)) {
    const pane = (box, place) => el("div", { class: "pane" },
      el("div", { class: "pane-head" }, el("b", { text: LETTERS[place] }), box),
      el("p", { class: "empty muted", text: chosen[place] ? "Chosen" : "Choose a recording" }));
    page.replaceChildren(el("section", { class: "player" }, head, el("div", { class: "panes" }, choices.map(pane))));
    return {};
  }
  const players = await Promise.all(chosen.map(async (id) => {
    const player = new Player(await withKey(() => bus.session(id)));
    await player.load();
    return player;
  }));
  const empty = players.find((player) => player.count === 0);
  if (empty) throw new Error(`Nothing is stored of ${empty.session.stream} yet.`);
  return new ComparePage(page, head, choices, players, query);
}

function choice(sessions, id, place, chosen) {
  const select = el("select", { "aria-label": `Recording ${LETTERS[place]}`, onchange: () => select.value && chosen(select.value) },
    el("option", { value: "", text: "Choose …" }),
    sessions.map((session) => el("option", { value: session.session, text: `${session.stream} · ${dateOf(session.began_ns)}` })));
  select.value = id ?? "";
  return select;
}

class ComparePage {
  #linkTimer = 0;

  constructor(page, head, choices, players, query) {
    const offset = (place) => Number(query.get(LETTERS[place].toLowerCase())) || 0;
    this.panes = players.map((player, place) => new Pane(player, place, choices[place], offset(place)));
    this.transport = new Transport(this.panes.map(({ part }) => part));
    for (const pane of this.panes) pane.join(this.transport, () => this.#aligned());
    this.transport.onChange = () => this.#paint();
    this.controls = new Controls(this.transport);
    // What is shown is the same for both: one set of switches.
    head.append(this.panes[0].views.toggles);
    for (const { views } of this.panes.slice(1)) views.toggles.remove();
    page.replaceChildren(el("section", { class: "player compare" }, head,
      el("div", { class: "panes" }, this.panes.map(({ element }) => element)),
      el("div", { class: "timelines" }, this.panes.map(({ timeline }) => timeline.element)), this.controls.element));
    this.keys = [...this.controls.keys(), ...viewKeys(this.panes.map(({ views }) => views)),
      [["a"], "B a frame back against A", () => this.panes[1].shift(-1)],
      [["Shift+a"], "B a frame on against A", () => this.panes[1].shift(1)]];
    this.transport.seek(Math.max(0, this.transport.bounds[0]));
    this.#aligned();
  }

  #paint() {
    for (const { timeline, part } of this.panes) {
      timeline.range = this.transport.looping ? this.transport.range?.map((time) => time + part.offset) ?? null : null;
      timeline.setTime(this.transport.time + part.offset);
    }
    this.controls.paint();
  }

  /** Offsets changed: both timelines show the same stretch of the common clock, and the address follows. */
  #aligned() {
    const [begin, end] = this.transport.bounds;
    for (const pane of this.panes) {
      pane.timeline.from = begin + pane.part.offset;
      pane.timeline.to = end + pane.part.offset;
      pane.timeline.redraw();
      pane.say();
    }
    this.#paint();
    clearTimeout(this.#linkTimer);
    this.#linkTimer = setTimeout(() => {
      const ids = this.panes.map(({ player }) => encodeURIComponent(player.session.session)).join("/");
      const offsets = this.panes.map(({ part }, place) => [LETTERS[place].toLowerCase(), part.offset]).filter(([, offset]) => offset !== 0);
      const query = offsets.map(([name, offset]) => `${name}=${offset.toFixed(3)}`).join("&");
      history.replaceState(null, "", `#/compare/${ids}${query ? `?${query}` : ""}`);
    }, 300);
  }

  close() {
    clearTimeout(this.#linkTimer);
    this.transport.close();
    for (const { views, timeline } of this.panes) {
      views.close();
      timeline.close();
    }
  }
}

/** One of the two: its recording, its views, its offset. */
class Pane {
  constructor(player, place, choiceBox, offset) {
    this.player = player;
    const { stream, width, height } = player.session;
    this.views = new Views({ name: LETTERS[place], size: [width, height], label: `${LETTERS[place]}: ${stream}` });
    this.part = { player, offset, show: (index) => this.views.show(player.shot(index)) };
    this.timeline = new Timeline(player, { label: `Timeline of ${LETTERS[place]}`,
      onSeek: (time) => this.transport.seek(time - this.part.offset), onPause: () => this.transport.pause() });
    this.words = el("span", { class: "muted figures offset" });
    player.onFailure = (error) => toast(error.message, { failed: true });
    const letter = LETTERS[place];
    this.element = el("div", { class: "pane" },
      el("div", { class: "pane-head" }, el("b", { text: letter }), choiceBox,
        el("div", { class: "row" },
          button("previous", `${letter} alone one frame back`, () => this.shift(-1)),
          this.words,
          button("next", `${letter} alone one frame on`, () => this.shift(1)))),
      this.views.element, this.views.bar);
  }

  join(transport, aligned) {
    this.transport = transport;
    this.aligned = aligned;
  }

  /** Moves this recording by frames against the other. */
  shift(frames) {
    const { transport, player, part } = this;
    transport.pause();
    const index = Math.min(player.count - 1, Math.max(0, transport.indexOf(part) + frames));
    // By what the frames are apart, so that the clock keeps its place within the frame.
    transport.setOffset(part, part.offset + player.times[index] - player.times[transport.indexOf(part)]);
    this.aligned();
  }

  say() {
    const { offset } = this.part;
    this.words.textContent = `${offset < -0.0005 ? "−" : "+"}${Math.abs(offset).toFixed(2)} s`;
  }
}
