// What the reader chose to see. Kept for the next visit; views listen for changes.

const KEY = "posebus.settings";
const defaults = { picture: true, skeleton: true, mesh: true, names: true, scene: true, trails: true, follow: true };
const listeners = new Set();

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

export const settings = { ...defaults, ...(window.matchMedia("(max-width: 700px)").matches ? { scene: false } : {}), ...stored() };

export function change(name, value = !settings[name]) {
  settings[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  for (const listener of [...listeners]) listener(name);
}

export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
