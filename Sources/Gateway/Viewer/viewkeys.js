// Keys for what is shown, the same for live, recorded and compared.

import { change } from "./settings.js";

/** @param all the views of the page */
export function viewKeys(all) {
  const look = (preset) => () => all.forEach(({ scene }) => scene?.look(preset));
  return [
    [["v"], "Picture on or off", () => change("picture")],
    [["s"], "Skeleton on or off", () => change("skeleton")],
    [["m"], "Mesh on or off", () => change("mesh")],
    [["n"], "Numbers of persons on or off", () => change("names")],
    [["d"], "3D view on or off", () => change("scene")],
    [[..."123456789"], "That person alone", ({ key }) => all.forEach((views) => views.focusNumber(Number(key)))],
    [["0"], "All persons", () => all.forEach((views) => views.focus !== null && views.setFocus(views.focus))],
    [["q"], "3D: from the front", look("front")],
    [["w"], "3D: from the side", look("side")],
    [["e"], "3D: from above", look("top")],
    [["r"], "3D: as the camera saw it", look("camera")],
    [["z"], "Whole picture", () => all.forEach(({ picture }) => picture.resetZoom())],
    [["f"], "Full screen", () => fullScreen(all[0].element.closest(".player"))],
  ];
}

export function fullScreen(element) {
  if (document.fullscreenElement) document.exitFullscreen();
  else element.requestFullscreen?.().catch(() => {});
}
