// Buttons and figures under the timeline.

import { button, clock, el, icon, press } from "./dom.js";
import { SPEEDS } from "./transport.js";

export class Controls {
  constructor(transport) {
    this.transport = transport;
    this.playButton = button("play", "Play", () => transport.toggle(), { key: "Space", class: "button icon-only primary play" });
    this.pauseIcon = icon("pause");
    this.playIcon = this.playButton.firstChild;
    this.position = el("p", { class: "position figures", "aria-live": "off" });
    this.loopButton = button("loop", "Loop", () => this.toggleLoop(), { key: "O" });
    const onchange = () => transport.setSpeed(Number(this.speed.value));
    this.speed = el("select", { class: "speed", "aria-label": "Speed", title: "Speed (+ and −)", onchange },
      SPEEDS.map((speed) => el("option", { value: String(speed), text: `${speed}×` })));
    const none = transport.parts.every(({ player }) => player.stops.length === 0);
    this.element = el("div", { class: "controls", role: "group", "aria-label": "Playback" },
      el("div", { class: "row" },
        button("first", "First frame", () => this.#goTo("first"), { key: "Home", class: "button icon-only wide-only" }),
        button("previous", "One frame back", () => transport.step(-1), { key: "←" }),
        this.playButton,
        button("next", "One frame on", () => transport.step(1), { key: "→" }),
        button("last", "Last frame", () => this.#goTo("last"), { key: "End", class: "button icon-only wide-only" })),
      this.position,
      el("div", { class: "row" },
        button("mark", none ? "No gaps and no drops" : "Next gap or drop", () => this.jump(1), { key: "G", disabled: none }),
        this.loopButton, this.speed));
  }

  /** The keys that do what the buttons do. */
  keys() {
    const { transport } = this;
    return [
      [[" ", "k"], "Play or pause", () => transport.toggle()],
      [["ArrowLeft", ","], "One frame back", () => transport.step(-1)],
      [["ArrowRight", "."], "One frame on", () => transport.step(1)],
      [["Shift+ArrowLeft", "j"], "Ten frames back", () => transport.step(-10)],
      [["Shift+ArrowRight", "l"], "Ten frames on", () => transport.step(10)],
      [["Home"], "First frame", () => this.#goTo("first")],
      [["End"], "Last frame", () => this.#goTo("last")],
      [["g"], "Next gap or drop", () => this.jump(1)],
      [["Shift+g"], "Gap or drop before", () => this.jump(-1)],
      [["-", "ArrowDown"], "Slower", () => transport.changeSpeed(-1)],
      [["+", "=", "ArrowUp"], "Faster", () => transport.changeSpeed(1)],
      [["o"], "Loop", () => this.toggleLoop()],
      [["["], "Loop from here", () => this.#loopFrom()],
      [["]"], "Loop up to here", () => this.#loopTo()],
    ];
  }

  #goTo(end) {
    this.transport.pause();
    const [begin, after] = this.transport.bounds;
    this.transport.seek(end === "first" ? begin : after);
  }

  /** Goes to the next place where something is missing, round and round. */
  jump(direction) {
    const { transport } = this;
    const timesOf = ({ player, offset }) => player.stops.map((index) => player.times[index] - offset);
    const stops = transport.parts.flatMap(timesOf).sort((a, b) => a - b);
    if (stops.length === 0) return;
    // A stop is a frame's own time; the clock may stand anywhere within the frame.
    const found = direction > 0 ? stops.find((time) => time > transport.time + 1e-4) ?? stops[0]
      : [...stops].reverse().find((time) => time < transport.time - transport.parts[0].player.usualStep) ?? stops.at(-1);
    transport.pause();
    transport.seek(found + 1e-5);
  }

  toggleLoop() {
    this.transport.looping = !this.transport.looping;
    if (!this.transport.looping) this.transport.range = null;
    this.transport.onChange();
  }

  #loopFrom() {
    const { time, range, bounds, parts } = this.transport;
    const [, end] = range ?? bounds;
    this.#loop(time, end > time ? end : Math.max(bounds[1], time + parts[0].player.usualStep));
  }

  #loopTo() {
    const { time, range, bounds, parts } = this.transport;
    const [begin] = range ?? bounds;
    this.#loop(begin < time ? begin : bounds[0], time + parts[0].player.usualStep);
  }

  #loop(begin, end) {
    this.transport.looping = true;
    this.transport.range = [begin, end];
    this.transport.onChange();
  }

  #where() {
    const { transport } = this;
    const { parts } = transport;
    const frame = (part) => `${part.player.sequenceOf(transport.indexOf(part))}`;
    const { player, offset } = parts[0];
    if (parts.length === 1) {
      const last = player.sequenceOf(player.count - 1);
      return `${clock(transport.time + offset)} / ${clock(player.duration)}  frame ${frame(parts[0])} of ${last}`;
    }
    return `${clock(transport.time)}  frames ${parts.map(frame).join(" and ")}`;
  }

  paint() {
    const { transport } = this;
    const shown = transport.playing ? this.pauseIcon : this.playIcon;
    if (this.playButton.firstChild !== shown) {
      this.playButton.replaceChildren(shown);
      const label = transport.playing ? "Pause" : "Play";
      this.playButton.setAttribute("aria-label", label);
      this.playButton.title = `${label} (Space)`;
    }
    press(this.loopButton, transport.looping);
    this.element.classList.toggle("waiting", transport.waiting);
    const text = this.#where();
    if (this.position.textContent !== text) this.position.textContent = text;
    if (document.activeElement !== this.speed) this.speed.value = String(transport.speed);
  }
}
