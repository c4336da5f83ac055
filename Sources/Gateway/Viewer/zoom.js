// Zoom into the picture: wheel, pinch, drag, double click or tap to go back.

const LARGEST = 12;

export class ZoomPan {
  #scale = 1;
  // The point of the fitted canvas that lies in the middle, in parts of its size.
  #x = 0.5;
  #y = 0.5;
  #pointers = new Map();
  #spread = 0;
  #ended = new AbortController();

  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    const listen = (event, handler, options) => canvas.addEventListener(event, handler, { signal: this.#ended.signal, ...options });
    listen("wheel", (event) => this.#wheel(event), { passive: false });
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) listen(name, (event) => this.#up(event));
    listen("dblclick", () => this.reset());
  }

  reset() {
    this.#scale = 1;
    this.#x = this.#y = 0.5;
    this.#settle();
  }

  /** The fitted view, zoomed. */
  applied(view, width, height) {
    const shift = (fitted, size, middle) => size / 2 + (fitted - middle * size) * this.#scale;
    return { ...view, scale: view.scale * this.#scale, x: shift(view.x, width, this.#x), y: shift(view.y, height, this.#y) };
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** Zooms so that what lies under (x, y) stays there. */
  #about(x, y, factor) {
    const scale = Math.min(LARGEST, Math.max(1, this.#scale * factor));
    this.#x += (x - 0.5) * (1 / this.#scale - 1 / scale);
    this.#y += (y - 0.5) * (1 / this.#scale - 1 / scale);
    this.#scale = scale;
    this.#settle();
  }

  #settle() {
    const half = 0.5 / this.#scale;
    this.#x = Math.min(1 - half, Math.max(half, this.#x));
    this.#y = Math.min(1 - half, Math.max(half, this.#y));
    this.canvas.classList.toggle("zoomed", this.#scale > 1);
    this.changed();
  }

  #wheel(event) {
    // Without a modifier the page scrolls, except where the picture is zoomed already.
    if (!event.ctrlKey && !event.metaKey && this.#scale === 1 && event.deltaY > 0) return;
    event.preventDefault();
    this.#about(...this.#place(event), Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.002)));
  }

  #down(event) {
    this.#pointers.set(event.pointerId, this.#place(event));
    if (this.#scale > 1 || this.#pointers.size > 1) this.canvas.setPointerCapture(event.pointerId);
    this.#spread = this.#distance();
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    this.#pointers.set(event.pointerId, now);
    if (this.#pointers.size === 2) {
      const [[ax, ay], [bx, by]] = [...this.#pointers.values()];
      const distance = this.#distance();
      if (this.#spread > 0) this.#about((ax + bx) / 2, (ay + by) / 2, distance / this.#spread);
      this.#spread = distance;
    } else if (this.#scale > 1) {
      this.#x -= (now[0] - before[0]) / this.#scale;
      this.#y -= (now[1] - before[1]) / this.#scale;
      this.#settle();
    }
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    this.#spread = 0;
  }

  #distance() {
    if (this.#pointers.size !== 2) return 0;
    const [a, b] = [...this.#pointers.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  }

  close() {
    this.#ended.abort();
  }
}
