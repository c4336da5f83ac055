// Bodies over the picture, seen through the frame's own camera. One WebGL context serves every canvas of the page.

import * as THREE from "/three/build/three.module.js";
import { focalOf } from "./placement.js";
import { colourOf } from "./skeleton.js";

let shared = null;

/** The page's renderer for a body model's triangles. */
export function meshRenderer(body) {
  shared ??= new MeshRenderer(body);
  return shared;
}

/** A material per person, lit alike in both views. */
export function bodyMaterial(track) {
  return new THREE.MeshStandardMaterial({ color: colourOf(track), roughness: 0.65, metalness: 0 });
}

/** A geometry for a body's vertices in the camera's frame; three.js has y up and looks along -z. */
export function bodyGeometry(body) {
  const geometry = new THREE.BufferGeometry();
  geometry.setIndex(new THREE.BufferAttribute(body.faces, 1));
  geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(3 * body.vertexCount), 3));
  return geometry;
}

/** Puts a frame's vertices into a geometry. */
export function updateGeometry(geometry, vertices) {
  const position = geometry.getAttribute("position");
  if (position.array.length !== vertices.length) return false;
  for (let index = 0; index < vertices.length; index += 3) {
    position.array[index] = vertices[index];
    position.array[index + 1] = -vertices[index + 1];
    position.array[index + 2] = -vertices[index + 2];
  }
  position.needsUpdate = true;
  geometry.computeVertexNormals();
  geometry.computeBoundingSphere();
  return true;
}

export function addLights(scene) {
  scene.add(new THREE.HemisphereLight(0xffffff, 0x59636e, 0.9));
  const sun = new THREE.DirectionalLight(0xffffff, 0.55);
  sun.position.set(1.5, 4, 3);
  scene.add(sun);
}

class MeshRenderer {
  #bodies = new Map();

  constructor(body) {
    this.body = body;
    this.renderer = new THREE.WebGLRenderer({ alpha: true, antialias: true });
    this.renderer.setPixelRatio(1);
    this.scene = new THREE.Scene();
    addLights(this.scene);
    this.camera = new THREE.Camera();
  }

  /**
   * Draws bodies as the picture's camera sees them, onto a canvas of the size of the one they go over.
   * @param view where the picture lies on that canvas, as Picture fits it
   */
  render(outcome, meshes, view, width, height, focus) {
    if (this.renderer.getContext().isContextLost()) return null;
    this.renderer.setSize(width, height, false);
    const middle = [view.x + (view.width * view.scale) / 2, view.y + (view.height * view.scale) / 2];
    this.#project(focalOf(outcome) * view.scale, ...middle, width, height);
    const seen = new Set();
    for (const { track_id: track, vertices } of meshes) {
      const mesh = this.#mesh(track);
      if (!updateGeometry(mesh.geometry, vertices)) continue;
      const person = outcome.persons.find((one) => one.track_id === track);
      const faint = (focus !== null && focus !== track) || person?.observed === false;
      mesh.material.transparent = faint;
      mesh.material.opacity = focus !== null && focus !== track ? 0.12 : faint ? 0.4 : 1;
      seen.add(track);
    }
    for (const [track, mesh] of this.#bodies) mesh.visible = seen.has(track);
    this.renderer.render(this.scene, this.camera);
    return this.renderer.domElement;
  }

  #mesh(track) {
    if (!this.#bodies.has(track)) {
      const mesh = new THREE.Mesh(bodyGeometry(this.body), bodyMaterial(track));
      mesh.frustumCulled = false;
      this.#bodies.set(track, mesh);
      this.scene.add(mesh);
    }
    return this.#bodies.get(track);
  }

  /** The pinhole camera of the picture as a projection: focal length and principal point in pixels of the canvas. */
  #project(focal, x, y, width, height) {
    const near = 0.05, far = 500;
    this.camera.projectionMatrix.set(
      (2 * focal) / width, 0, 1 - (2 * x) / width, 0,
      0, (2 * focal) / height, (2 * y) / height - 1, 0,
      0, 0, -(far + near) / (far - near), (-2 * far * near) / (far - near),
      0, 0, -1, 0);
    this.camera.projectionMatrixInverse.getInverse(this.camera.projectionMatrix);
  }
}
