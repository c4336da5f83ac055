// Picture and 3D view of one stream or recording, with who is in them and what is shown of them.

import { bodyModel } from "./body.js";
import { button, el, press } from "./dom.js";
import { Picture } from "./picture.js";
import { change, onChange, settings } from "./settings.js";
import { colourOf } from "./skeleton.js";

const TOGGLES = [
  ["picture", "picture", "Picture", "V"],
  ["skeleton", "skeleton", "Skeleton", "S"],
  ["mesh", "mesh", "Mesh", "M"],
  ["names", "names", "Numbers of persons", "N"],
  ["scene", "cube", "3D view", "D"],
];

export class Views {
  #chips = new Map();
  #stopListening;
  #loadingMeshes = false;
  #loadingScene = false;
  #closed = false;

  constructor({ name = "main", withScene = true, note, label, size } = {}) {
    this.picture = new Picture({ name, zoomable: true, note, label, size });
    this.scene = null;
    this.withScene = withScene;
    this.sceneHolder = el("div", { class: "scene", hidden: true });
    this.element = el("div", { class: "views" }, this.picture.element, withScene ? this.sceneHolder : null);
    this.people = el("div", { class: "people", role: "group", "aria-label": "Persons: choose one to see it alone" });
    this.toggles = el("div", { class: "toggles", role: "group", "aria-label": "What is shown" }, TOGGLES
      .filter(([setting]) => withScene || setting !== "scene")
      .map(([setting, iconName, label, key]) => button(iconName, label, () => change(setting), { key, data: { setting } })));
    this.bar = el("div", { class: "views-bar" }, this.people, this.toggles);
    this.#stopListening = onChange(() => this.#settle());
    this.#settle();
  }

  get focus() {
    return this.picture.focus;
  }

  /** Shows one person above the others; the same again shows all. */
  setFocus(track) {
    this.picture.focus = track === this.picture.focus ? null : track;
    this.picture.draw();
    if (this.scene) this.scene.focus = this.picture.focus;
    this.#showPeople(this.picture.shot?.outcome);
    this.scene?.show(this.picture.shot);
  }

  /** The nth of the persons that are listed. */
  focusNumber(number) {
    const track = [...this.#chips.keys()][number - 1];
    if (track !== undefined) this.setFocus(track);
  }

  show(shot, release) {
    if (shot.meshes?.length > 0) this.#needMeshes();
    this.picture.show(shot, release);
    this.scene?.show(shot);
    this.#showPeople(shot.outcome);
  }

  #showPeople(outcome) {
    const present = new Map((outcome?.persons ?? []).map((person) => [person.track_id, person]));
    for (const track of present.keys()) {
      if (this.#chips.has(track)) continue;
      const chip = el("button", { type: "button", class: "chip", onclick: () => this.setFocus(track) },
        el("span", { class: "swatch" }), el("span", { class: "who", text: `Person ${track}` }), el("span", { class: "score figures" }));
      chip.style.setProperty("--person", colourOf(track));
      this.#chips.set(track, chip);
      this.people.append(chip);
    }
    // Persons of long ago make room; those of now keep their places.
    for (const track of [...this.#chips.keys()]) {
      if (this.#chips.size <= 8) break;
      if (present.has(track) || track === this.focus) continue;
      this.#chips.get(track).remove();
      this.#chips.delete(track);
    }
    for (const [track, chip] of this.#chips) {
      const person = present.get(track);
      chip.classList.toggle("away", !person);
      chip.classList.toggle("predicted", person?.observed === false);
      press(chip, track === this.focus);
      const text = !person ? "not here" : person.observed === false ? "predicted" : `${Math.round(100 * person.score)} %`;
      const score = chip.querySelector(".score");
      if (score.textContent !== text) score.textContent = text;
    }
  }

  /** Another revision may have other persons. */
  forgetPeople() {
    this.#chips.clear();
    this.people.replaceChildren();
    this.picture.focus = null;
    if (this.scene) this.scene.focus = null;
  }

  #settle() {
    for (const toggle of this.toggles.children) press(toggle, settings[toggle.dataset.setting]);
    const withScene = this.withScene && settings.scene;
    this.element.classList.toggle("with-scene", withScene);
    this.sceneHolder.hidden = !withScene;
    if (withScene) this.#needScene();
    if (settings.mesh && this.picture.shot?.meshes?.length > 0) this.#needMeshes();
  }

  /** three.js is fetched when there is something to draw with it. */
  async #needScene() {
    if (this.scene || this.#loadingScene) return;
    this.#loadingScene = true;
    try {
      const { Scene3D } = await import("./scene3d.js");
      if (this.#closed) return;
      this.scene = new Scene3D(this.sceneHolder);
      this.scene.focus = this.focus;
      if (this.picture.meshRenderer) this.#giveBody(this.picture.meshRenderer.body);
      if (this.picture.shot) this.scene.show(this.picture.shot);
    } catch (error) {
      this.#withoutScene(error);
    }
    this.#loadingScene = false;
  }

  #giveBody(body) {
    this.scene.body = body;
    if (this.picture.shot) this.scene.show(this.picture.shot);
  }

  #withoutScene(error) {
    const why = /module|fetch|import/i.test(error.message)
      ? "three.js could not be loaded from the gateway: install libjs-three on its machine."
      : "this browser gives no WebGL.";
    this.sceneHolder.replaceChildren(el("p", { class: "picture-note", text: `No 3D view: ${why}` }));
  }

  async #needMeshes() {
    if (this.picture.meshRenderer || this.#loadingMeshes || this.#closed) return;
    this.#loadingMeshes = true;
    try {
      const [{ meshRenderer }, body] = await Promise.all([import("./mesh.js"), bodyModel()]);
      if (body) this.picture.meshRenderer = meshRenderer(body);
      if (this.scene) this.#giveBody(body);
      this.picture.draw();
    } catch {
      // Without WebGL the skeleton is what can be shown; the 3D view says so.
    }
    this.#loadingMeshes = this.picture.meshRenderer === undefined;
  }

  close() {
    this.#closed = true;
    this.#stopListening();
    this.picture.close();
    this.scene?.close();
  }
}
