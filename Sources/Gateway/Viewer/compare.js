// Two recordings side by side on one clock.

import { bus, withKey } from "./api.js";
import { dateOf, el } from "./dom.js";
import { enter } from "./readout.js";

export async function comparePage(page) {
  enter("compare");
  const sessions = await withKey(() => bus.sessions());
  page.replaceChildren(el("ul", {}, sessions.map((session) => el("li", { text: `${session.stream} ${dateOf(session.began_ns)}` }))));
  return {};
}
