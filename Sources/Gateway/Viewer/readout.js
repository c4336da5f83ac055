// window.posebus: what is really drawn, for tests and for those who write programs around the viewer (docs/viewer.md).

const KEPT = 300;

export const readout = {
  mode: "start",
  stream: null,
  session: null,
  frameSequence: null,
  poseSequence: null,
  drawn: [],
  status: null,
};
window.posebus = readout;

/** A page begins: what the one before drew is none of its business. */
export function enter(mode, { stream = null, session = null } = {}) {
  Object.assign(readout, { mode, stream, session, frameSequence: null, poseSequence: null, drawn: [] });
}

/**
 * Called by the canvas in the turn in which it drew: `frame` is the sequence of the message or address the picture came from (null
 * without a picture), `pose` the one in the outcome itself.
 */
export function drawn({ view, stream, session, frame, pose }) {
  Object.assign(readout, { stream, session, frameSequence: frame, poseSequence: pose });
  readout.drawn.push({ frame, pose, at: performance.now(), session, stream, view });
  if (readout.drawn.length > KEPT) readout.drawn.splice(0, readout.drawn.length - KEPT);
}
