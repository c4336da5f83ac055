// Elements, icons and words for figures.

/** An element with properties, attributes and children; `on…` are listeners, `class` and `aria-…` are what they are called. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Icons on a 20 by 20 grid, strokes unless they say fill. */
const ICONS = {
  play: "f M6 4v12l10-6z",
  pause: "f M5 4h3.5v12H5zM11.5 4H15v12h-3.5z",
  next: "M7 5l6 5-6 5",
  previous: "M13 5l-6 5 6 5",
  first: "M14 5l-6 5 6 5M5.5 5v10",
  last: "M6 5l6 5-6 5M14.5 5v10",
  mark: "M4 10h8M9 6l4 4-4 4M16 4v12",
  loop: "M4 9V8a3 3 0 0 1 3-3h8M12.5 2.5L15 5l-2.5 2.5M16 11v1a3 3 0 0 1-3 3H5M7.5 17.5L5 15l2.5-2.5",
  skeleton: "M10 5.2v5M10 7l-4 2.5M10 7l4 2.5M10 10.2L7 16.5M10 10.2l3 6.3M10 5a1.6 1.6 0 1 0 0-3.2A1.6 1.6 0 0 0 10 5z",
  mesh: "M10 2.5l6.5 3.7v7.6L10 17.5l-6.5-3.7V6.2zM10 2.5v15M3.5 6.2l13 7.6M16.5 6.2l-13 7.6",
  picture: "M3 4.5h14v11H3zM3 13l4-4 3.5 3.5L13 10l4 4",
  cube: "M10 2.5l6.5 3.7v7.6L10 17.5l-6.5-3.7V6.2zM3.5 6.2L10 10l6.5-3.8M10 10v7.5",
  upload: "M10 13V4M6.5 7L10 3.5 13.5 7M4 13v3.5h12V13",
  download: "M10 3.5V13M6.5 9.5L10 13l3.5-3.5M4 13.5v3h12v-3",
  help: "M7.5 7.6A2.5 2.5 0 1 1 10 10.3v1.4M10 14.4v.1",
  sun: "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 1.8v2M10 16.2v2M1.8 10h2M16.2 10h2"
    + "M4.2 4.2l1.4 1.4M14.4 14.4l1.4 1.4M4.2 15.8l1.4-1.4M14.4 5.6l1.4-1.4",
  moon: "M16.5 11.5A6.8 6.8 0 0 1 8.5 3.5a6.8 6.8 0 1 0 8 8z",
  back: "M12 4.5L6.5 10l5.5 5.5M7 10h9",
  close: "M5 5l10 10M15 5L5 15",
  full: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  compare: "M3 4.5h6v11H3zM11 4.5h6v11h-6z",
  names: "M4 5h12M10 5v11",
  follow: "M10 3v3M10 14v3M3 10h3M14 10h3M10 7.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  trail: "M3 15c3 0 3-8 7-8s3 5 7-2",
  key: "M7 10a3 3 0 1 0 0 .1M10 10h7M14.5 10v3",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const filled = ICONS[name].startsWith("f ");
  path.setAttribute("d", filled ? ICONS[name].slice(2) : ICONS[name]);
  if (filled) path.setAttribute("class", "filled");
  svg.append(path);
  return svg;
}

/** A button with an icon, a label for those who do not see it, and the key that does the same. */
export function button(iconName, label, onclick, { key, text, ...properties } = {}) {
  const attributes = { type: "button", class: text ? "button" : "button icon-only", "aria-label": text ? undefined : label,
    title: key ? `${label} (${key})` : label, onclick, ...properties };
  return el("button", attributes, iconName ? icon(iconName) : null, text ? el("span", { text }) : null);
}

/** The head of a page: the way back, a name, what is known of it, and its tools. */
export function pageHead(name, facts, ...tools) {
  const label = "All streams and recordings";
  return el("div", { class: "title-row" },
    el("a", { class: "button icon-only", href: "#/", "aria-label": label, title: label }, icon("back")),
    el("div", { class: "title" }, el("h1", {}, name), el("p", { class: "muted figures", text: facts })), tools);
}

/** Makes a button show whether it is pressed. */
export function press(element, pressed) {
  element.setAttribute("aria-pressed", String(pressed));
}

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat();

/** Unix nanoseconds to a date in the reader's own form. */
export function dateOf(nanoseconds) {
  return dates.format(new Date(Number(nanoseconds) / 1e6));
}

export function count(number, one, many = `${one}s`) {
  return `${numbers.format(number)} ${number === 1 ? one : many}`;
}

/** Seconds as a person reads a clock: 0:04.12, 1:02:03. */
export function clock(seconds, digits = 2) {
  const sign = seconds < -0.0005 ? "−" : "";
  const value = Math.abs(seconds);
  const hours = Math.floor(value / 3600), minutes = Math.floor(value / 60) % 60, rest = value % 60;
  const padded = rest.toFixed(digits).padStart(digits > 0 ? digits + 3 : 2, "0");
  return sign + (hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes) + `:${padded}`;
}

/** A length in words: 4.3 s, 2 min 5 s, 1 h 20 min. */
export function span(seconds) {
  if (seconds < 0.995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const REASONS = {
  corrupt_jpeg: "the picture was damaged", unsupported: "a kind of picture that cannot be read", too_large: "the picture was too large",
  shed: "left out to keep up with the camera", expired: "it became too old while it waited", inference_failed: "the engine failed at it",
};

/** Why a frame has no pose, in words. */
export function reasonOf(stage, reason) {
  return `${REASONS[reason] ?? reason} (${stage}: ${reason})`;
}

/** Says something for some seconds at the screen's edge. */
export function toast(text, { link, label = "Open", failed = false, seconds = 8 } = {}) {
  const box = el("div", { class: failed ? "toast failed" : "toast" }, el("span", { text }),
    link ? el("a", { class: "button", href: link, text: label }) : null,
    button("close", "Close this message", () => box.remove()));
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), seconds * 1000);
}
