// A recording: picture and 3D view, timeline, transport.

import { bus, withKey } from "./api.js";
import { Controls } from "./controls.js";
import { count, dateOf, el, icon, pageHead, span, toast } from "./dom.js";
import { exportMenu } from "./exports.js";
import { Player } from "./player.js";
import { enter } from "./readout.js";
import { Timeline } from "./timeline.js";
import { Transport } from "./transport.js";
import { viewKeys } from "./viewkeys.js";
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
  return pageHead(el("span", { class: "cut", text: session.stream }), facts.join(" · "), el("div", { class: "row tools" }, tools));
}

class RecordingPage {
  #linkTimer = 0;
  #growing = 0;

  constructor(page, player, query) {
    this.player = player;
    const { session } = player;
    this.views = new Views({ size: [session.width, session.height], label: `Frames of ${session.stream} with what was found in them` });
    this.part = { player, offset: 0, show: (index) => this.#show(index) };
    this.transport = new Transport([this.part]);
    this.transport.onChange = () => this.#paint();
    player.onFailure = (error) => this.#failed(error);
    this.timeline = new Timeline(player, { onSeek: (time) => this.transport.seek(time), onPause: () => this.transport.pause() });
    this.controls = new Controls(this.transport);
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
      const onchange = () => this.#revise(choice.value);
      const choice = el("select", { "aria-label": "Which poses", title: "Original poses, or refined ones", onchange },
        el("option", { value: "original", text: "Original" }),
        session.revisions.map(({ number }) => el("option", { value: String(number), text: `Refined ${number}` })));
      choice.value = this.player.revision;
      tools.push(choice);
    }
    const compare = `#/compare/${encodeURIComponent(session.session)}`;
    tools.push(el("a", { class: "button", href: compare }, icon("compare"), el("span", { text: "Compare" })));
    tools.push(exportMenu(session, () => this.player.revision));
    return tools;
  }

  #show(index) {
    this.views.show(this.player.shot(index));
    // The address follows, so that it can be sent to somebody; not sixty times a second.
    clearTimeout(this.#linkTimer);
    this.#linkTimer = setTimeout(() => {
      const { player } = this;
      const revision = player.revision === "original" ? "" : `&revision=${player.revision}`;
      const place = `${encodeURIComponent(player.session.session)}?t=${player.sequenceOf(player.index)}${revision}`;
      history.replaceState(null, "", `#/recording/${place}`);
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
    return [...this.controls.keys(), ...viewKeys([this.views])];
  }

  close() {
    clearTimeout(this.#linkTimer);
    clearInterval(this.#growing);
    this.transport.close();
    this.timeline.close();
    this.views.close();
  }
}
