// The body model's triangles, asked for once.

import { bus, withKey } from "./api.js";

let model = null;

/** Resolves to {vertexCount, faces}, or to null where the gateway has no body model. */
export function bodyModel() {
  model ??= withKey(() => bus.body()).catch(() => {
    // Asked for again at the next need.
    model = null;
    return null;
  });
  return model;
}
