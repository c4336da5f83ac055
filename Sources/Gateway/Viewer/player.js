// What a recording has to show at which time: its timeline, and outcomes, pictures and bodies fetched ahead of being needed.

import { bus, withKey } from "./api.js";
import { bodyModel } from "./body.js";
import { decodePicture } from "./decode.js";
import { settings } from "./settings.js";

/** A camera may pause for hours: on the player's clock no pause is longer than this. */
const LONGEST_PAUSE = 2;
/** A step between frames that is this many times the usual one is a gap. */
const GAP = 2.5;
const PAGE = 100;
const REQUESTS = 6;
/** Bytes of decoded pictures that are kept. */
const MEMORY = 256 << 20;

export class Player {
  #pages = new Map();
  #outcomes = new Map();
  #images = new Map();
  #meshes = new Map();
  #running = 0;
  #body = null;
  #queue = [];
  #ended = new AbortController();
  #generation = 0;

  /** @param session as the gateway lists it */
  constructor(session, { revision = "original" } = {}) {
    this.session = session;
    this.revision = revision;
    this.index = 0;
    this.onChange = () => {};
    this.onFailure = () => {};
  }

  /** Fetches the timeline; everything below needs it. */
  async load() {
    const signal = this.#ended.signal;
    this.timeline = await withKey(() => bus.timeline(this.session.session, { revision: this.revision, signal }));
    this.first = this.timeline.first;
    this.count = this.timeline.persons.length;
    this.#clock();
    this.drops = new Map(this.timeline.drops.map(([sequence, stage, reason]) => [sequence - this.first, { stage, reason }]));
    this.index = Math.min(this.index, Math.max(0, this.count - 1));
    const places = [...this.drops.keys(), ...this.gaps.map(({ index }) => index)].sort((a, b) => a - b);
    /** Frames at which something begins to be missing; a run of drops is one place. */
    this.stops = places.filter((index, place) => place === 0 || index > places[place - 1] + 1);
  }

  /** When each frame is shown, in seconds from the first, and where the camera paused. */
  #clock() {
    const captures = this.timeline.capture_time_ns;
    const steps = [];
    for (let index = 1; index < captures.length; index += 1) steps.push((Number(captures[index]) - Number(captures[index - 1])) / 1e9);
    const usual = [...steps].filter((step) => step > 0).sort((a, b) => a - b)[Math.floor(steps.length / 2)] || 1 / 30;
    this.usualStep = Math.min(usual, 1);
    this.times = new Float64Array(captures.length);
    this.gaps = [];
    steps.forEach((step, index) => {
      // A clock that was set back gives no time to wait for.
      const shown = step > 0 ? Math.min(step, Math.max(LONGEST_PAUSE, this.usualStep)) : this.usualStep;
      this.times[index + 1] = this.times[index] + shown;
      if (step > GAP * this.usualStep && step - this.usualStep > 0.05) this.gaps.push({ index: index + 1, seconds: step });
    });
  }

  /** Seconds from the first frame to the end of the last. */
  get duration() {
    return this.count > 0 ? this.times[this.count - 1] + this.usualStep : 0;
  }

  get framesPerSecond() {
    return 1 / this.usualStep;
  }

  /** The frame that is shown at a time: the last that was taken by then. */
  indexAt(time) {
    let low = 0, high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  sequenceOf(index) {
    return this.first + index;
  }

  isKept(index) {
    const sequence = this.sequenceOf(index);
    return this.timeline.kept.some(([first, last]) => first <= sequence && sequence <= last);
  }

  /** Whether everything that belongs to a frame is here. */
  ready(index) {
    if (!this.#outcomes.has(index)) return false;
    const image = this.#images.get(index);
    if (this.isKept(index) && !(image && image.done)) return false;
    return !this.#wantsMeshes(index) || this.#meshes.get(index)?.done === true;
  }

  /** What is drawn for a frame that is ready: the picture is named by the number it was asked for with. */
  shot(index) {
    const image = this.#images.get(index);
    return {
      stream: this.session.stream, session: this.session.session, outcome: this.#outcomes.get(index),
      image: image?.image ?? null, frame: image?.image ? image.sequence : null, meshes: this.#meshes.get(index)?.meshes ?? [],
    };
  }

  outcome(index) {
    return this.#outcomes.get(index);
  }

  #wantsMeshes(index) {
    if (!settings.mesh && !settings.scene) return false;
    if (!this.#outcomes.get(index)?.persons.some((person) => person.smpl)) return false;
    // Without the model's triangles vertices are of no use: the skeleton is shown.
    this.#body ??= { asked: bodyModel().then((model) => {
      this.#body.model = model;
      this.onChange();
    }) };
    return this.#body.model !== null;
  }

  /** Fetches a frame, and those that come after it in steps of `stride`. */
  warm(index, { ahead = 0, stride = 1 } = {}) {
    const room = this.#room();
    const wanted = [];
    for (let step = 0; step <= Math.min(ahead, room - 4); step += 1) {
      const next = index + step * stride;
      if (next >= 0 && next < this.count) wanted.push(next);
    }
    // What waited for frames that are no longer wanted is forgotten.
    this.#queue = [];
    for (const next of wanted) {
      this.#page(next);
      if (this.isKept(next) && !this.#images.has(next)) this.#queue.push(() => this.#image(next));
      if (this.#wantsMeshes(next) && !this.#meshes.has(next)) this.#queue.push(() => this.#mesh(next));
    }
    this.#page(index + PAGE / 2);
    this.#evict(index, room);
    this.#work();
  }

  /** How many decoded pictures may be kept. */
  #room() {
    const bytes = Math.max(1, (this.session.width || 1280) * (this.session.height || 720) * 4);
    return Math.max(12, Math.min(120, Math.floor(MEMORY / bytes)));
  }

  #evict(index, room) {
    const far = (key) => (key < index ? 2 * (index - key) : key - index);
    for (const cache of [this.#images, this.#meshes]) {
      if (cache.size <= room) continue;
      const done = [...cache.keys()].filter((key) => cache.get(key).done && key !== this.index && key !== index);
      done.sort((a, b) => far(b) - far(a));
      for (const key of done.slice(0, cache.size - room)) {
        cache.get(key).image?.close();
        cache.delete(key);
      }
    }
  }

  #work() {
    while (this.#running < REQUESTS && this.#queue.length > 0) {
      this.#running += 1;
      this.#queue.shift()().finally(() => {
        this.#running -= 1;
        this.#work();
      });
    }
  }

  /** What could not be fetched is asked for again, a little later. */
  #again(cache, key) {
    setTimeout(() => {
      cache.delete(key);
      if (!this.#ended.signal.aborted) this.onChange();
    }, 1000);
  }

  #failed(error) {
    if (!this.#ended.signal.aborted) this.onFailure(error);
  }

  #page(index) {
    const number = Math.floor(index / PAGE);
    if (index < 0 || index >= this.count || this.#pages.has(number)) return;
    const generation = this.#generation;
    const from = this.sequenceOf(number * PAGE);
    const options = { from, limit: PAGE, revision: this.revision, signal: this.#ended.signal };
    const page = withKey(() => bus.outcomePage(this.session.session, options)).then(({ outcomes }) => {
      if (generation !== this.#generation) return;
      for (const outcome of outcomes) this.#outcomes.set(outcome.sequence - this.first, outcome);
      this.onChange();
    }).catch((error) => {
      this.#again(this.#pages, number);
      this.#failed(error);
    });
    this.#pages.set(number, page);
  }

  async #image(index) {
    if (this.#images.has(index)) return;
    const sequence = this.sequenceOf(index);
    const entry = { done: false, image: null, sequence };
    this.#images.set(index, entry);
    try {
      const bytes = await withKey(() => bus.frame(this.session.session, sequence, { signal: this.#ended.signal }));
      const { width = 0, height = 0 } = this.#outcomes.get(index) ?? {};
      // A frame that is dropped as damaged may be kept all the same: then there is nothing to see.
      if (bytes) entry.image = await decodePicture(bytes, width, height).catch(() => null);
      entry.done = true;
      if (this.#ended.signal.aborted) entry.image?.close();
      this.onChange();
    } catch (error) {
      this.#again(this.#images, index);
      this.#failed(error);
    }
  }

  async #mesh(index) {
    if (this.#meshes.has(index)) return;
    const generation = this.#generation;
    const entry = { done: false, meshes: [] };
    this.#meshes.set(index, entry);
    try {
      const options = { revision: this.revision, signal: this.#ended.signal };
      entry.meshes = await withKey(() => bus.meshes(this.session.session, this.sequenceOf(index), options));
      entry.done = generation === this.#generation;
      this.onChange();
    } catch (error) {
      this.#again(this.#meshes, index);
      this.#failed(error);
    }
  }

  /** Poses as another revision has them; the pictures stay. */
  async use(revision) {
    this.revision = revision;
    this.#generation += 1;
    this.#pages.clear();
    this.#outcomes.clear();
    this.#meshes.clear();
    await this.load();
  }

  /** Takes in what was recorded since. */
  async refresh() {
    const before = this.count;
    this.session = await bus.session(this.session.session);
    await this.load();
    if (this.count > before) this.#pages.delete(Math.floor(before / PAGE));
  }

  close() {
    this.#ended.abort();
    this.#queue = [];
    for (const entry of this.#images.values()) entry.image?.close();
    this.#images.clear();
  }
}
