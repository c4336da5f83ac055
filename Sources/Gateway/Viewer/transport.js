// The clock that one or two recordings are played by.

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

/** A part is {player, offset, show(index)}: what it shows at time t of the clock is its frame at t + offset seconds. */
export class Transport {
  #frame = 0;
  #last = 0;
  #ended = false;

  constructor(parts) {
    this.parts = parts;
    this.time = 0;
    this.playing = false;
    this.speed = 1;
    this.looping = false;
    /** Seconds between which it loops; null: the whole. */
    this.range = null;
    this.waiting = false;
    this.onChange = () => {};
    for (const part of parts) part.player.onChange = () => this.#arrived();
  }

  /** The clock's first and last moment at which anything is shown. */
  get bounds() {
    const begins = this.parts.map(({ offset }) => -offset);
    const ends = this.parts.map(({ player, offset }) => player.duration - offset);
    return [Math.min(...begins), Math.max(...ends)];
  }

  indexOf(part, time = this.time) {
    return part.player.indexAt(time + part.offset);
  }

  play() {
    if (this.playing) return;
    const [begin, end] = this.#section();
    if (this.time >= end - 1e-3 || this.time < begin) this.time = begin;
    this.playing = true;
    this.#last = performance.now();
    this.#schedule();
    this.onChange();
  }

  pause() {
    this.playing = false;
    this.waiting = false;
    this.onChange();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  setSpeed(speed) {
    this.speed = Math.min(SPEEDS.at(-1), Math.max(SPEEDS[0], speed));
    this.#last = performance.now();
    this.onChange();
  }

  /** The next of the usual speeds in a direction. */
  changeSpeed(direction) {
    const next = direction > 0 ? SPEEDS.find((speed) => speed > this.speed + 1e-9) : SPEEDS.findLast?.((speed) => speed < this.speed - 1e-9)
      ?? [...SPEEDS].reverse().find((speed) => speed < this.speed - 1e-9);
    if (next) this.setSpeed(next);
  }

  seek(time) {
    const [begin, end] = this.bounds;
    this.time = Math.min(Math.max(time, begin), Math.max(begin, end - 1e-4));
    this.#present();
    this.onChange();
  }

  /** Stops and goes frames on or back, by the frames of one part. */
  step(frames, part = this.parts[0]) {
    this.pause();
    const { player, offset } = part;
    const index = Math.min(player.count - 1, Math.max(0, this.indexOf(part) + frames));
    this.seek(player.times[index] - offset);
  }

  /** Stops at a frame of one part. */
  show(index, part = this.parts[0]) {
    this.pause();
    this.seek(part.player.times[index] - part.offset);
  }

  /** Moves one part against the others. */
  setOffset(part, offset) {
    part.offset = offset;
    this.seek(this.time);
  }

  #section() {
    return this.looping && this.range ? this.range : this.bounds;
  }

  #schedule() {
    if (this.#frame || this.#ended) return;
    this.#frame = requestAnimationFrame((now) => {
      this.#frame = 0;
      if (this.playing) {
        this.#tick(now);
        this.#schedule();
      }
    });
  }

  /** Frames between those that are shown: more than one only where the screen cannot show them all. */
  #stride(player) {
    return Math.max(1, Math.floor((this.speed * player.framesPerSecond) / 60));
  }

  #tick(now) {
    const passed = Math.min(0.25, Math.max(0, (now - this.#last) / 1000));
    this.#last = now;
    let target = this.time + passed * this.speed;
    this.waiting = false;
    for (const part of this.parts) target = Math.min(target, this.#reachable(part, target));
    this.time = Math.max(this.time, target);
    const [begin, end] = this.#section();
    if (this.time >= end) {
      if (this.looping) this.time = begin;
      else {
        this.time = Math.max(begin, end - 1e-4);
        this.playing = false;
      }
    }
    this.#present();
    this.onChange();
  }

  /**
   * How far the clock may go for one part: never to a frame that is not here. In slow motion no frame is left out, however slow the
   * machine; at original speed and above the clock is right and a machine that is too slow leaves frames out.
   */
  #reachable(part, target) {
    const { player, offset } = part;
    const now = this.indexOf(part);
    let next = this.indexOf(part, target);
    if (next === now) return player.ready(now) ? target : this.#wait(this.time);
    const stride = this.#stride(player);
    if (this.speed < 1) next = now + 1;
    else if (next < player.count - 1) next = Math.max(now, next - (next % stride));
    if (next > now && !player.ready(next)) return this.#wait(player.times[now + 1] - offset - 1e-4);
    return this.speed < 1 ? Math.min(target, player.times[next] - offset + 1e-6) : target;
  }

  #wait(time) {
    this.waiting = true;
    return time;
  }

  #present() {
    for (const part of this.parts) {
      const { player } = part;
      if (player.count === 0) continue;
      let index = this.indexOf(part);
      const stride = this.#stride(player);
      if (this.playing && this.speed > 1 && index < player.count - 1) index -= index % stride;
      player.warm(index, { ahead: this.playing ? 24 : 6, stride: this.playing ? stride : 1 });
      if (!player.ready(index)) continue;
      if (player.index === index && part.shown === player.shot(index).outcome) continue;
      player.index = index;
      part.shown = player.shot(index).outcome;
      part.show(index);
    }
  }

  /** Something that was waited for is here. */
  #arrived() {
    if (!this.#ended && !this.playing) this.#present();
  }

  /** Draws the frames of now again, for instance after another revision was chosen. */
  refresh() {
    for (const part of this.parts) part.shown = null;
    this.#present();
    this.onChange();
  }

  close() {
    this.#ended = true;
    this.playing = false;
    cancelAnimationFrame(this.#frame);
    for (const { player } of this.parts) player.close();
  }
}
