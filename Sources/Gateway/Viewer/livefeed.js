// From the live connection to canvases: each message is decoded and drawn in its order, the picture and its pose together.

import { askForKey, bus } from "./api.js";
import { decodePicture } from "./decode.js";
import { take } from "./status.js";

/** Shots of one stream that may wait to be decoded and drawn; older ones are left out, because live means now. */
const WAITING = 8;

/** Draws one stream. `show(shot, release)` is called once a frame of the screen at most. */
class Lane {
  #queue = [];
  #busy = false;

  constructor(show) {
    this.show = show;
    this.late = 0;
  }

  push(message) {
    this.#queue.push(message);
    if (this.#queue.length > WAITING) {
      this.#queue.shift();
      this.late += 1;
    }
    if (!this.#busy) this.#work();
  }

  async #work() {
    this.#busy = true;
    while (this.#queue.length > 0) {
      const { outcome, jpeg, meshes } = this.#queue.shift();
      let image = null;
      try {
        if (jpeg) image = await decodePicture(jpeg, outcome.width, outcome.height);
      } catch {
        // A picture the browser cannot decode is shown as one that is not there; its outcome says why.
      }
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const shot = { stream: outcome.stream, session: outcome.session, outcome, image, frame: outcome.sequence, meshes };
      this.show(shot, () => image?.close());
    }
    this.#busy = false;
  }
}

/** A live connection whose messages go to the lanes of the streams they are of. */
export class LiveFeed {
  #lanes = new Map();

  /** @param options {streams, meshes, onStream(name) → show function, onSession, onSkipped, onState} */
  constructor(options) {
    this.live = bus.live({ streams: options.streams, frames: true, meshes: options.meshes ?? false });
    this.live.on("outcome", (message) => this.#lane(message.outcome.stream, options).push(message));
    this.live.on("status", take);
    this.live.on("session", (message) => options.onSession?.(message));
    this.live.on("skipped", (message) => options.onSkipped?.(message));
    this.live.on("state", (state) => options.onState?.(state));
    this.live.on("error", (error) => {
      if (error.status === 401) askForKey();
    });
  }

  #lane(stream, options) {
    if (!this.#lanes.has(stream)) this.#lanes.set(stream, new Lane(options.onStream(stream)));
    return this.#lanes.get(stream);
  }

  lateOf(stream) {
    return this.#lanes.get(stream)?.late ?? 0;
  }

  close() {
    this.live.close();
    for (const lane of this.#lanes.values()) lane.show = (shot, release) => release();
  }
}

/** Frames a second over the last two seconds, of what was drawn. */
export class Rate {
  #times = [];

  tick() {
    const now = performance.now();
    this.#times.push(now);
    while (this.#times[0] < now - 2000) this.#times.shift();
  }

  get value() {
    const now = performance.now();
    const recent = this.#times.filter((time) => time > now - 2000);
    return recent.length < 2 ? 0 : (recent.length - 1) / ((recent.at(-1) - recent[0]) / 1000);
  }
}
