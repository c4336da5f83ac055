// Skeletons on the picture. The context's transform maps pixels of the picture to pixels of the canvas, so a keypoint's
// coordinates are used as they are, whatever the size; widths are given in pixels of the screen and divided by the scale.

import { colourOf, skeletonNamed, VISIBLE } from "./skeleton.js";

/**
 * @param view {scale: canvas pixels a picture pixel, density: canvas pixels a CSS pixel}
 * @param options {names: bool, focus: track or null}
 */
export function drawPersons(context, outcome, view, { names, focus }) {
  const skeleton = skeletonNamed(outcome.skeleton);
  // Who is in focus is drawn last, above the others.
  const persons = [...outcome.persons].sort((a, b) => (a.track_id === focus) - (b.track_id === focus));
  for (const person of persons) {
    context.save();
    context.globalAlpha = focus === null || focus === undefined || person.track_id === focus ? 1 : 0.18;
    drawSkeleton(context, person, skeleton, view);
    if (names) drawName(context, person, view);
    context.restore();
  }
}

function drawSkeleton(context, person, skeleton, view) {
  const points = person.keypoints_2d ?? [];
  const unit = view.density / view.scale;
  const height = (person.bbox?.[3] ?? 0) * view.scale / view.density;
  const width = Math.min(4.5, Math.max(1.6, height / 90)) * unit;
  const colour = colourOf(person.track_id);
  const predicted = person.observed === false;
  const seen = (index) => points[index] && (points[index][2] ?? 1) >= VISIBLE;

  const path = new Path2D();
  for (const [from, to] of skeleton.bones) {
    if (!seen(from) || !seen(to)) continue;
    path.moveTo(points[from][0], points[from][1]);
    path.lineTo(points[to][0], points[to][1]);
  }
  context.lineCap = "round";
  context.lineJoin = "round";
  context.setLineDash(predicted ? [4 * unit, 5 * unit] : []);
  // A dark seam, so that the lines are seen on snow as on rock.
  context.strokeStyle = "rgba(8, 12, 16, 0.6)";
  context.lineWidth = width + 2 * unit;
  context.stroke(path);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);

  const joined = new Set(skeleton.bones.flat());
  const radius = width * 0.95;
  const dots = new Path2D();
  for (let index = 0; index < points.length; index += 1) {
    if (!seen(index) || (joined.size > 0 && !joined.has(index))) continue;
    dots.moveTo(points[index][0] + radius, points[index][1]);
    dots.arc(points[index][0], points[index][1], radius, 0, 2 * Math.PI);
  }
  context.setLineDash([]);
  context.lineWidth = unit;
  context.strokeStyle = "rgba(8, 12, 16, 0.7)";
  context.fillStyle = predicted ? "rgba(8, 12, 16, 0.4)" : "#ffffff";
  context.fill(dots);
  context.stroke(dots);
}

function drawName(context, person, view) {
  if (!person.bbox) return;
  const unit = view.density / view.scale;
  const text = `${person.track_id}${person.observed === false ? " predicted" : ""}`;
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const width = context.measureText(text).width + 12 * unit;
  const height = 18 * unit;
  const x = Math.max(0, Math.min(person.bbox[0] + person.bbox[2] / 2 - width / 2, view.width - width));
  const y = Math.max(2 * unit, person.bbox[1] - height - 6 * unit);
  context.fillStyle = "rgba(8, 12, 16, 0.72)";
  context.beginPath();
  // roundRect is missing in browsers of 2022.
  if (context.roundRect) context.roundRect(x, y, width, height, 9 * unit);
  else context.rect(x, y, width, height);
  context.fill();
  context.fillStyle = colourOf(person.track_id);
  context.fillText(text, x + 6 * unit, y + height / 2 + 0.5 * unit);
}
