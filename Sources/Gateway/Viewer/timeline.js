// A recording at a glance: persons in each frame, drops, gaps, stretches without kept frames; a place to scrub.

import { clock, count, el, reasonOf, span } from "./dom.js";

const HEIGHT = 72;
const BAND = 13;

export class Timeline {
  #background = null;
  #observer;
  #ended = new AbortController();
  #hover = null;

  /** @param onSeek called with a time of the player's clock */
  constructor(player, { onSeek, onPause = () => {}, label = "Timeline" }) {
    this.player = player;
    this.onSeek = onSeek;
    this.onPause = onPause;
    this.time = 0;
    this.range = null;
    /** What part of the player's clock the width stands for. */
    this.from = 0;
    this.to = player.duration;
    this.canvas = el("canvas", { role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0" });
    this.tip = el("div", { class: "tip", role: "tooltip", hidden: true });
    this.element = el("div", { class: "timeline" }, this.canvas, this.tip);
    this.#observer = new ResizeObserver(() => this.redraw());
    this.#observer.observe(this.element);
    const listen = (event, handler) => this.canvas.addEventListener(event, handler, { signal: this.#ended.signal });
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerleave", () => this.#point(null));
    this.#dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.#dark.addEventListener("change", () => this.redraw(), { signal: this.#ended.signal });
    document.addEventListener("posebus:theme", () => this.redraw(), { signal: this.#ended.signal });
  }

  #dark;

  /** Draws everything anew. */
  redraw() {
    this.#background = null;
    this.draw();
  }

  setTime(time) {
    this.time = time;
    this.draw();
  }

  #x(time, width) {
    return ((time - this.from) / Math.max(1e-6, this.to - this.from)) * width;
  }

  draw() {
    const density = window.devicePixelRatio || 1;
    const cssWidth = this.element.clientWidth;
    const width = Math.round(cssWidth * density), height = Math.round(HEIGHT * density);
    if (width === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.#background = null;
    }
    this.#background ??= this.#paint(width, height, density);
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#background, 0, 0);
    const colour = (name) => getComputedStyle(this.element).getPropertyValue(name).trim();
    if (this.range) {
      const [a, b] = this.range.map((time) => this.#x(time, width));
      context.fillStyle = colour("--loop");
      context.fillRect(a, 0, b - a, height - BAND * density);
    }
    if (this.#hover !== null) {
      context.fillStyle = colour("--muted");
      context.fillRect(this.#x(this.player.times[this.#hover], width), 0, density, height);
    }
    const x = Math.round(this.#x(this.time, width));
    context.fillStyle = colour("--text");
    context.fillRect(x - density, 0, 2 * density, height);
    context.beginPath();
    context.moveTo(x - 5 * density, 0);
    context.lineTo(x + 5 * density, 0);
    context.lineTo(x, 7 * density);
    context.fill();
    this.#tellReaders();
  }

  #tellReaders() {
    const index = this.player.indexAt(this.time);
    this.canvas.setAttribute("aria-valuemax", String(this.player.count - 1));
    this.canvas.setAttribute("aria-valuenow", String(index));
    this.canvas.setAttribute("aria-valuetext", `frame ${this.player.sequenceOf(index)}, ${clock(this.time)}`);
  }

  #paint(width, height, density) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(this.element);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { player } = this;
    const area = height - BAND * density;
    const most = Math.max(1, player.timeline.persons.reduce((a, b) => Math.max(a, b), 0));

    // One column a pixel: the most persons of the frames in it, and whether one of them is a drop.
    const persons = new Float32Array(width), dropped = new Uint8Array(width), seen = new Uint8Array(width), kept = new Uint8Array(width);
    for (let index = 0; index < player.count; index += 1) {
      const begin = this.#x(player.times[index], width);
      const after = index + 1 < player.count ? player.times[index + 1] : player.duration;
      // A frame lasts until the next, but a gap is no frame.
      const end = this.#x(Math.min(after, player.times[index] + 1.5 * player.usualStep), width);
      const first = Math.max(0, Math.floor(begin)), last = Math.min(width - 1, Math.max(first, Math.ceil(end) - 1));
      const isDrop = player.drops.has(index), isKept = player.isKept(index);
      for (let x = first; x <= last; x += 1) {
        seen[x] = 1;
        persons[x] = Math.max(persons[x], player.timeline.persons[index]);
        if (isDrop) dropped[x] = 1;
        if (isKept) kept[x] = 1;
      }
    }
    const line = (test, top, bottom, fill) => {
      context.fillStyle = fill;
      for (let x = 0; x < width; ) {
        if (!test(x)) { x += 1; continue; }
        let end = x + 1;
        while (end < width && test(end) && top(end) === top(x)) end += 1;
        context.fillRect(x, top(x), end - x, bottom - top(x));
        x = end;
      }
    };
    context.fillStyle = colour("--track");
    context.fillRect(0, 0, width, area);
    const barTop = (x) => Math.round(area - (persons[x] / most) * (area - 14 * density));
    line((x) => persons[x] > 0, barTop, area, colour("--bar"));
    line((x) => seen[x] && !persons[x] && !dropped[x], () => area - 2 * density, area, colour("--muted"));
    line((x) => dropped[x] === 1, () => 0, area, colour("--drop"));
    const band = area + 3 * density;
    line((x) => kept[x] === 1, () => band, height - 3 * density, colour("--kept"));
    this.#hatch(context, (x) => seen[x] && !kept[x], width, band, height - 3 * density, density, colour("--muted"));
    this.#gaps(context, width, area, density, colour);
    return canvas;
  }

  /** Slanted lines where frames were not kept. */
  #hatch(context, test, width, top, bottom, density, stroke) {
    context.save();
    context.beginPath();
    for (let x = 0; x < width; x += 1) if (test(x)) context.rect(x, top, 1, bottom - top);
    context.clip();
    context.strokeStyle = stroke;
    context.lineWidth = density;
    context.beginPath();
    for (let x = -height(top, bottom); x < width; x += 4 * density) {
      context.moveTo(x, bottom);
      context.lineTo(x + height(top, bottom), top);
    }
    context.stroke();
    context.restore();
  }

  /** Where the camera paused: an empty stretch with its length. */
  #gaps(context, width, area, density, colour) {
    context.font = `${11 * density}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (const { index, seconds } of this.player.gaps) {
      const begin = this.#x(this.player.times[index - 1] + this.player.usualStep, width);
      const end = this.#x(this.player.times[index], width);
      context.fillStyle = colour("--gap");
      context.fillRect(begin, 0, Math.max(density, end - begin), area);
      const words = span(seconds);
      if (context.measureText(words).width + 8 * density > end - begin) continue;
      context.fillStyle = colour("--muted");
      context.fillText(words, (begin + end) / 2, area / 2);
    }
  }

  #timeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return this.from + part * (this.to - this.from);
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.onPause();
    this.#point(event);
    this.onSeek(this.#timeAt(event));
  }

  #move(event) {
    this.#point(event);
    if (event.buttons & 1) this.onSeek(this.#timeAt(event));
  }

  /** Says what is under the pointer. */
  #point(event) {
    if (!event || this.player.count === 0) {
      this.#hover = null;
      this.tip.hidden = true;
      return this.draw();
    }
    const time = this.#timeAt(event);
    this.#hover = this.#nearest(time);
    const { player } = this;
    const index = this.#hover;
    const drop = player.drops.get(index);
    const gap = player.gaps.find((entry) => entry.index === index + 1 && time > player.times[index] + player.usualStep);
    const what = gap ? `no frames for ${span(gap.seconds)}`
      : drop ? `dropped: ${reasonOf(drop.stage, drop.reason)}` : count(player.timeline.persons[index], "person");
    const kept = player.isKept(index) || drop ? "" : " · picture not kept";
    this.tip.textContent = `Frame ${player.sequenceOf(index)} · ${clock(player.times[index])} · ${what}${kept}`;
    this.tip.hidden = false;
    const box = this.element.getBoundingClientRect();
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.min(box.width - half, Math.max(half, event.clientX - box.left))}px`;
    this.draw();
  }

  /** The frame at a time; within three pixels of a drop, the drop, so that a single one can be hit. */
  #nearest(time) {
    const index = this.player.indexAt(time);
    const reach = (3 / Math.max(1, this.element.clientWidth)) * (this.to - this.from);
    let best = index, distance = reach;
    for (const drop of this.player.drops.keys()) {
      const away = Math.abs(this.player.times[drop] + this.player.usualStep / 2 - time);
      if (away < distance) [best, distance] = [drop, away];
    }
    return best;
  }

  close() {
    this.#observer.disconnect();
    this.#ended.abort();
  }
}

function height(top, bottom) {
  return bottom - top;
}
