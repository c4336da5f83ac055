// Persons in space, to walk around: skeletons or bodies, a floor, where they went, and the camera that saw them.

import * as THREE from "/three/build/three.module.js";
import { OrbitControls } from "/three/examples/jsm/controls/OrbitControls.js";
import { button, el, press } from "./dom.js";
import { addLights, bodyGeometry, bodyMaterial, updateGeometry } from "./mesh.js";
import { knowsDistances, placeOf, sceneFocal } from "./placement.js";
import { change, onChange, settings } from "./settings.js";
import { colourOf, skeletonNamed, VISIBLE } from "./skeleton.js";

const TRAIL = 150;
const PRESETS = [["front", "Front", "Q"], ["side", "Side", "W"], ["top", "Top", "E"], ["camera", "Camera", "R"]];

/** Camera axes (y down, z forward) to three.js (y up, z backward). */
const upright = ([x, y, z]) => new THREE.Vector3(x, -y, -z);

export class Scene3D {
  #people = new Map();
  #frame = 0;
  #observer;
  #ended = new AbortController();
  #stopListening;
  #shot = null;
  #floors = [];
  #middle = new THREE.Vector3(0, 0, -4);
  #placed = false;
  #preset = "front";
  #attended = 0;

  constructor(holder) {
    /** The body model's triangles, once there are bodies. */
    this.body = null;
    this.focus = null;
    this.holder = holder;
    this.renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio || 1));
    const canvas = this.renderer.domElement;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "3D view of the persons");
    this.scene = new THREE.Scene();
    addLights(this.scene);
    this.camera = new THREE.PerspectiveCamera(40, 1, 0.05, 300);
    this.controls = new OrbitControls(this.camera, canvas);
    // Arrow keys step frames.
    this.controls.enableKeys = false;
    this.controls.maxDistance = 60;
    this.controls.minDistance = 0.4;
    this.controls.addEventListener("change", () => this.#draw());
    this.floor = new THREE.Group();
    this.scene.add(this.floor);
    this.eye = this.#eye();
    this.scene.add(this.eye);
    this.note = el("p", { class: "scene-note", text: "Distances are estimated: the camera is not known", hidden: true });
    this.tools = this.#tools();
    holder.replaceChildren(canvas, this.tools, this.note);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(holder);
    this.#stopListening = onChange(() => this.#settle());
    document.addEventListener("posebus:theme", () => this.#theme(), { signal: this.#ended.signal });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#theme(), { signal: this.#ended.signal });
    this.#theme();
    this.#settle();
    this.look(this.#preset);
    this.#resize();
  }

  #tools() {
    const presets = PRESETS.map(([name, text, key]) => button(null, `View: ${text}`, () => this.look(name),
      { text, key, class: "button small", data: { preset: name } }));
    this.followButton = button("follow", "Follow the persons", () => change("follow"));
    this.trailButton = button("trail", "Trails", () => change("trails"));
    return el("div", { class: "scene-tools", role: "group", "aria-label": "3D view" }, presets, this.followButton, this.trailButton);
  }

  #settle() {
    press(this.followButton, settings.follow);
    press(this.trailButton, settings.trails);
    if (this.#shot) this.show(this.#shot);
  }

  /** A small pyramid where the camera stands. */
  #eye() {
    const corners = [[-0.2, -0.12, 0.3], [0.2, -0.12, 0.3], [0.2, 0.12, 0.3], [-0.2, 0.12, 0.3]].map(upright);
    const points = corners.flatMap((corner, index) => [new THREE.Vector3(), corner, corner, corners[(index + 1) % 4]]);
    return new THREE.LineSegments(new THREE.BufferGeometry().setFromPoints(points), new THREE.LineBasicMaterial({ color: 0x8a97a5 }));
  }

  #theme() {
    const style = getComputedStyle(this.holder);
    const colour = (name) => new THREE.Color(style.getPropertyValue(name).trim());
    this.floor.remove(...this.floor.children);
    const fine = new THREE.GridHelper(24, 48, colour("--floor-fine"), colour("--floor-fine"));
    const coarse = new THREE.GridHelper(24, 12, colour("--floor"), colour("--floor"));
    coarse.position.y = 0.002;
    this.floor.add(fine, coarse);
    this.scene.fog = new THREE.Fog(colour("--stage"), 9, 26);
    this.#draw();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.holder;
    if (width === 0 || height === 0) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    if (this.#preset === "camera") this.#seeAsCamera();
    this.camera.updateProjectionMatrix();
    this.#draw();
  }

  /** Draws at the next chance of the screen, once. */
  #draw() {
    if (this.#frame || this.#ended.signal.aborted) return;
    if (this.scene.fog) {
      // The floor fades behind the persons, however far away they are seen from.
      const distance = this.camera.position.distanceTo(this.controls.target);
      this.scene.fog.near = distance + 5;
      this.scene.fog.far = distance + 18;
    }
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.renderer.render(this.scene, this.camera);
    });
  }

  /** Puts the persons of a shot into space. */
  show(shot) {
    if (!shot) return;
    const again = this.#shot?.outcome === shot.outcome;
    this.#shot = shot;
    const { outcome, meshes = [] } = shot;
    const skeleton = skeletonNamed(outcome.skeleton);
    const bodies = new Map(settings.mesh ? meshes.map((mesh) => [mesh.track_id, mesh.vertices]) : []);
    const middles = [];
    for (const person of outcome.persons) {
      if (!person.keypoints_3d?.length) continue;
      const place = placeOf(person, outcome);
      const points = person.keypoints_3d.map((joint) => upright(joint.map((value, axis) => value + place[axis])));
      const hips = skeleton.hips.length > 0 ? points[skeleton.hips[0]].clone().lerp(points[skeleton.hips[1]], 0.5) : points[0];
      const feet = skeleton.feet.map((index) => points[index].y);
      if (person.observed !== false && !again && feet.length > 0) this.#stand(Math.min(...feet), knowsDistances(person, outcome));
      if (this.focus === null || this.focus === person.track_id) middles.push(hips);
      const figure = this.#figure(person.track_id);
      // Vertices come with the engine's own distance.
      figure.nearer = person.camera_translation ? person.camera_translation[2] - place[2] : 0;
      figure.show(person, points, skeleton, hips, outcome, this.focus, bodies.get(person.track_id), this.body);
    }
    const present = new Set(outcome.persons.map((person) => person.track_id));
    for (const [track, figure] of this.#people) {
      if (present.has(track)) continue;
      figure.hide(outcome);
      if (figure.isForgotten(outcome)) {
        figure.dispose();
        this.#people.delete(track);
      }
    }
    this.note.hidden = !outcome.persons.some((person) => !knowsDistances(person, outcome));
    this.#attend(middles);
    this.#draw();
  }

  #figure(track) {
    if (!this.#people.has(track)) this.#people.set(track, new Figure(track, this.scene));
    return this.#people.get(track);
  }

  /**
   * The floor lies under the lowest feet of late, without those few that are errors. Where distances are estimated, "of late" is
   * a second: a camera that is turned to follow a rider makes older places worth nothing.
   */
  #stand(lowest, known) {
    this.#floors.push(lowest);
    while (this.#floors.length > (known ? 240 : 30)) this.#floors.shift();
    const sorted = [...this.#floors].sort((a, b) => a - b);
    this.floor.position.y = sorted[Math.floor(sorted.length * 0.05)] - 0.02;
  }

  /** Keeps the persons in the middle: at first at once, then softly. */
  #attend(middles) {
    if (middles.length === 0) return;
    const middle = middles.reduce((sum, point) => sum.add(point), new THREE.Vector3()).divideScalar(middles.length);
    this.#middle = middle;
    // The grid is under the persons, wherever they are; in steps of its own lines, so that it lies still.
    this.floor.position.x = 2 * Math.round(middle.x / 2);
    this.floor.position.z = 2 * Math.round(middle.z / 2);
    if (!this.#placed) {
      this.#placed = true;
      return this.look(this.#preset);
    }
    if (!settings.follow || this.#preset === "camera") return;
    const now = performance.now();
    const part = 1 - Math.exp(-(now - this.#attended) / 120);
    this.#attended = now;
    const move = middle.clone().sub(this.controls.target).multiplyScalar(part);
    this.controls.target.add(move);
    this.camera.position.add(move);
    this.controls.update();
  }

  /** Looks from where a preset says. */
  look(preset) {
    this.#preset = preset;
    for (const one of this.tools.querySelectorAll("[data-preset]")) press(one, one.dataset.preset === preset);
    if (preset === "camera") {
      this.#seeAsCamera();
    } else {
      this.camera.fov = 40;
      const away = { front: [0.35, 0.45, 3.6], side: [3.6, 0.4, 0], top: [0, 5, 0.01] }[preset];
      this.controls.target.copy(this.#middle);
      this.camera.position.copy(this.#middle).add(new THREE.Vector3(...away));
    }
    this.eye.visible = preset !== "camera";
    this.camera.updateProjectionMatrix();
    this.controls.update();
    this.#draw();
  }

  /** From where the camera stood, with its angle of view: the whole picture fits. */
  #seeAsCamera() {
    if (!this.#shot) return;
    const { outcome } = this.#shot;
    const focal = sceneFocal(outcome);
    const width = outcome.width || 16, height = outcome.height || 9;
    const tall = Math.max(height, width / this.camera.aspect);
    this.camera.fov = (2 * Math.atan(tall / 2 / focal) * 180) / Math.PI;
    this.camera.position.set(0, 0, 0);
    this.controls.target.set(0, 0, this.#middle.z);
    this.controls.update();
  }

  close() {
    this.#ended.abort();
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#stopListening();
    this.controls.dispose();
    for (const figure of this.#people.values()) figure.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}

const bone = new THREE.CylinderBufferGeometry(1, 1, 1, 10, 1);
const joint = new THREE.SphereBufferGeometry(1, 12, 8);
const UP = new THREE.Vector3(0, 1, 0);

/** One person: bones and joints, or a body, and the way of the hips. */
class Figure {
  /** Metres by which the engine's own vertices lie too far away. */
  nearer = 0;
  #trail = [];
  #bones = null;
  #joints = null;
  #mesh = null;

  constructor(track, scene) {
    this.group = new THREE.Group();
    this.material = bodyMaterial(track);
    // Not shared with the bones: three.js 111 compiles a material for instances or for single meshes, once.
    this.skin = bodyMaterial(track);
    this.light = new THREE.MeshStandardMaterial({ color: 0xffffff, roughness: 0.7, metalness: 0 });
    const stroke = new THREE.LineBasicMaterial({ color: colourOf(track), transparent: true, opacity: 0.75 });
    this.line = new THREE.Line(new THREE.BufferGeometry(), stroke);
    this.line.frustumCulled = false;
    this.scene = scene;
    scene.add(this.group, this.line);
  }

  show(person, points, skeleton, hips, outcome, focus, vertices, body) {
    const predicted = person.observed === false;
    const dimmed = focus !== null && focus !== person.track_id;
    for (const material of [this.material, this.skin, this.light]) {
      material.transparent = predicted || dimmed;
      material.opacity = dimmed ? 0.1 : predicted ? 0.4 : 1;
      material.depthWrite = !material.transparent;
    }
    this.group.visible = true;
    const showsBody = Boolean(vertices && body) && this.#showBody(vertices, body);
    if (this.#mesh) this.#mesh.visible = showsBody;
    if (!showsBody) this.#showBones(person, points, skeleton);
    if (this.#bones) this.#bones.visible = this.#joints.visible = !showsBody;
    this.#follow(hips, outcome);
    this.line.visible = settings.trails && !dimmed;
  }

  #showBody(vertices, body) {
    if (!this.#mesh) {
      this.#mesh = new THREE.Mesh(bodyGeometry(body), this.skin);
      this.group.add(this.#mesh);
    }
    this.#mesh.position.z = this.nearer;
    return updateGeometry(this.#mesh.geometry, vertices);
  }

  #showBones(person, points, skeleton) {
    if (!this.#bones) {
      this.#bones = new THREE.InstancedMesh(bone, this.material, Math.max(1, skeleton.bones.length));
      this.#joints = new THREE.InstancedMesh(joint, this.light, Math.max(1, points.length));
      this.#bones.frustumCulled = this.#joints.frustumCulled = false;
      this.group.add(this.#bones, this.#joints);
    }
    const seen = (index) => points[index] && (person.keypoints_2d?.[index]?.[2] ?? 1) >= VISIBLE;
    const matrix = new THREE.Matrix4();
    const nothing = new THREE.Matrix4().makeScale(0, 0, 0);
    skeleton.bones.forEach(([from, to], index) => {
      if (!points[from] || !points[to]) return this.#bones.setMatrixAt(index, nothing);
      const axis = points[to].clone().sub(points[from]);
      const length = axis.length();
      if (length < 1e-4) return this.#bones.setMatrixAt(index, nothing);
      const thick = seen(from) && seen(to) ? 0.016 : 0.007;
      const turn = new THREE.Quaternion().setFromUnitVectors(UP, axis.divideScalar(length));
      matrix.compose(points[from].clone().lerp(points[to], 0.5), turn, new THREE.Vector3(thick, length, thick));
      this.#bones.setMatrixAt(index, matrix);
    });
    const joined = new Set(skeleton.bones.flat());
    points.forEach((point, index) => {
      const size = joined.size > 0 && !joined.has(index) ? 0 : seen(index) ? 0.022 : 0.01;
      matrix.makeScale(size, size, size).setPosition(point);
      this.#joints.setMatrixAt(index, matrix);
    });
    this.#bones.instanceMatrix.needsUpdate = this.#joints.instanceMatrix.needsUpdate = true;
  }

  /** Where the hips were in the frames before. Whoever jumps in time starts anew. */
  #follow(hips, { sequence, session }) {
    const last = this.#trail.at(-1);
    if (last && (last.session !== session || sequence < last.sequence - TRAIL || sequence > last.sequence + 30)) this.#trail = [];
    while (this.#trail.at(-1)?.sequence >= sequence) this.#trail.pop();
    this.#trail.push({ sequence, session, point: hips.clone() });
    while (this.#trail[0].sequence < sequence - TRAIL) this.#trail.shift();
    this.line.geometry.dispose();
    this.line.geometry = new THREE.BufferGeometry().setFromPoints(this.#trail.map(({ point }) => point));
  }

  hide() {
    this.group.visible = false;
    this.line.visible = false;
  }

  isForgotten({ sequence, session }) {
    const last = this.#trail.at(-1);
    return !last || last.session !== session || Math.abs(sequence - last.sequence) > 2 * TRAIL;
  }

  dispose() {
    this.scene.remove(this.group, this.line);
    this.#mesh?.geometry.dispose();
    this.line.geometry.dispose();
    this.line.material.dispose();
    this.material.dispose();
    this.skin.dispose();
    this.light.dispose();
  }
}
