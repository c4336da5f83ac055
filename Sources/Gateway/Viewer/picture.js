// One canvas with a frame and what was found in it. Picture, mesh and skeleton are drawn in one turn from one shot, so they can
// never belong to different frames.

import { el, reasonOf } from "./dom.js";
import { drawPersons } from "./overlay.js";
import { drawn } from "./readout.js";
import { onChange, settings } from "./settings.js";
import { ZoomPan } from "./zoom.js";

/**
 * A shot is {stream, session, outcome, image, frame, meshes}: an outcome, the decoded picture (null without one) and the sequence
 * it was asked for with, and the bodies.
 */
export class Picture {
  #shot = null;
  #release = null;
  #observer;
  #stopListening;
  #zoom = null;
  #size = null;

  /**
   * @param options.name which view of the page this is, for window.posebus
   * @param options.zoomable whether wheel, drag and pinch zoom
   * @param options.note what is said where there is no picture
   * @param options.size width and height until a frame says its own: a drop has none
   */
  constructor({ name = "main", zoomable = false, note = "The picture of this frame was not kept", label = "Video", size = null } = {}) {
    this.#size = size?.[0] > 0 ? size : null;
    this.name = name;
    this.focus = null;
    this.note = note;
    this.canvas = el("canvas", { role: "img", "aria-label": label });
    this.words = el("p", { class: "picture-note", hidden: true });
    this.element = el("div", { class: "picture" }, this.canvas, this.words);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.#observer = new ResizeObserver(() => this.draw());
    this.#observer.observe(this.element);
    this.#stopListening = onChange((setting) => this.#settingChanged(setting));
    if (zoomable) this.#zoom = new ZoomPan(this.canvas, () => this.draw());
  }

  get shot() {
    return this.#shot;
  }

  /** Shows a shot; `release` is called when its picture is no longer needed. */
  show(shot, release = null) {
    const before = this.#release;
    this.#shot = shot;
    this.#release = release;
    // What has no size of its own (a drop) keeps the size of what was there before, so that nothing jumps.
    if (shot.outcome.width > 0) this.#size = [shot.outcome.width, shot.outcome.height];
    else if (shot.image) this.#size = [shot.image.width, shot.image.height];
    this.draw();
    before?.();
    const { stream, session, image, frame, outcome } = shot;
    drawn({ view: this.name, stream, session, frame: image ? frame : null, pose: outcome.sequence });
  }

  resetZoom() {
    this.#zoom?.reset();
  }

  draw() {
    const density = window.devicePixelRatio || 1;
    const box = this.element.getBoundingClientRect();
    const width = Math.round(box.width * density), height = Math.round(box.height * density);
    if (width === 0 || height === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.context;
    const style = getComputedStyle(this.element);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = style.getPropertyValue("--stage").trim() || "#0b0e11";
    context.fillRect(0, 0, width, height);
    if (!this.#shot) return;
    this.#say(this.#shot.outcome, this.#shot.image);
    if (!this.#size) return;
    const view = this.#fit(width, height, density);
    const { outcome, image, meshes } = this.#shot;
    context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
    if (image && settings.picture) {
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, view.width, view.height);
    } else {
      this.#drawGround(context, view, style);
    }
    if (settings.mesh && meshes?.length > 0) this.#drawMeshes(outcome, meshes, view, width, height);
    context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
    if (settings.skeleton) drawPersons(context, outcome, view, { names: settings.names, focus: this.focus });
  }

  /** Where the picture lies on the canvas: as large as it fits, in the middle, then zoomed. */
  #fit(canvasWidth, canvasHeight, density) {
    const [width, height] = this.#size;
    const scale = Math.min(canvasWidth / width, canvasHeight / height);
    const fitted = { scale, x: (canvasWidth - width * scale) / 2, y: (canvasHeight - height * scale) / 2, width, height, density };
    return this.#zoom ? this.#zoom.applied(fitted, canvasWidth, canvasHeight) : fitted;
  }

  /** A quiet ground with lines, in place of a picture that is not there. */
  #drawGround(context, view, style) {
    context.fillStyle = style.getPropertyValue("--ground").trim();
    context.fillRect(0, 0, view.width, view.height);
    context.strokeStyle = style.getPropertyValue("--ground-line").trim();
    context.lineWidth = view.density / view.scale;
    const step = view.height / 8;
    context.beginPath();
    for (let x = (view.width / 2) % step; x < view.width; x += step) context.rect(x, 0, 0, view.height);
    for (let y = step; y < view.height; y += step) context.rect(0, y, view.width, 0);
    context.stroke();
  }

  #drawMeshes(outcome, meshes, view, width, height) {
    const renderer = this.meshRenderer;
    if (!renderer) return;
    const canvas = renderer.render(outcome, meshes, view, width, height, this.focus);
    if (!canvas) return;
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.globalAlpha = settings.picture && this.#shot.image ? 0.82 : 1;
    this.context.drawImage(canvas, 0, 0);
    this.context.globalAlpha = 1;
  }

  #say(outcome, image) {
    const text = outcome.drop
      ? `No pose for this frame: ${reasonOf(outcome.drop.stage, outcome.drop.reason)}`
      : image ? "" : this.note;
    if (this.words.textContent !== text) this.words.textContent = text;
    this.words.hidden = text === "";
    this.words.classList.toggle("dropped", Boolean(outcome.drop));
  }

  #settingChanged() {
    this.draw();
  }

  close() {
    this.#observer.disconnect();
    this.#stopListening();
    this.#zoom?.close();
    this.#release?.();
    this.#release = null;
    this.#shot = null;
  }
}
