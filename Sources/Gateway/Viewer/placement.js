// Where persons stand before the camera, and in which axes they are drawn.

/** A focal length for a picture of which none is known: that of a phone's camera, about 1.2 times its longer side. */
export function assumedFocal(outcome) {
  return 1.2 * Math.max(outcome.width || 1, outcome.height || 1);
}

/** The picture's focal length in pixels: the engine's, or an assumed one. */
export function focalOf(outcome) {
  return outcome.persons.find((person) => person.focal_length)?.focal_length ?? assumedFocal(outcome);
}

/** Beyond this many times the picture's longer side a focal length is no camera's but a convention: 4D-Humans has 5000 for 256 pixels. */
const CONVENTION = 4;

/** Whether the engine's distances are those of a camera; otherwise they are estimated. */
export function knowsDistances(person, outcome) {
  return Boolean(person.camera_translation) && person.focal_length <= CONVENTION * Math.max(outcome.width, outcome.height);
}

/** The focal length in pixels that the 3D view believes in. */
export function sceneFocal(outcome) {
  const focal = focalOf(outcome);
  return focal <= CONVENTION * Math.max(outcome.width, outcome.height) ? focal : assumedFocal(outcome);
}

/**
 * Where a person stands in the camera's frame, metres (x right, y down, z forward).
 *
 * Where the engine gives no place, it is estimated from how large the body is in the picture: a weak-perspective fit of the joints to
 * the keypoints. Where its focal length is a convention, persons would stand fifty metres away and each error of a hand's
 * breadth in the picture would be metres: the distance is scaled to a focal length that cameras have, which keeps the person where it
 * is in the picture.
 */
export function placeOf(person, outcome) {
  if (!person.camera_translation) return estimatedPlace(person, outcome);
  const [x, y, z] = person.camera_translation;
  return [x, y, knowsDistances(person, outcome) ? z : (z * assumedFocal(outcome)) / person.focal_length];
}

function estimatedPlace(person, outcome) {
  const focal = focalOf(outcome);
  const points = person.keypoints_2d ?? [];
  const pairs = person.keypoints_3d.map((joint, index) => [joint, points[index]]).filter(([, point]) => point && (point[2] ?? 1) > 0.3);
  if (pairs.length < 4) return [0, 0, 4];
  const middle = (of) => pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const jx = middle(([joint]) => joint[0]), jy = middle(([joint]) => joint[1]);
  const px = middle(([, point]) => point[0]), py = middle(([, point]) => point[1]);
  let over = 0, under = 0;
  for (const [joint, point] of pairs) {
    over += (joint[0] - jx) * (point[0] - px) + (joint[1] - jy) * (point[1] - py);
    under += (joint[0] - jx) ** 2 + (joint[1] - jy) ** 2;
  }
  const depth = focal / Math.max(over / Math.max(under, 1e-6), focal / 100);
  return [((px - outcome.width / 2) / focal) * depth - jx, ((py - outcome.height / 2) / focal) * depth - jy, depth];
}
