// Run by Tests/EndToEnd/test_viewer.py with the address of a real gateway and JPEG files: feeds them, and prints what came back.

import { readFile } from "node:fs/promises";
import { Live, PoseBus } from "../posebus.js";
import { NodeWebSocket } from "../node-websocket.js";

const [url, ...files] = process.argv.slice(2);
const bus = new PoseBus(url);
const jpegs = await Promise.all(files.map((file) => readFile(file)));
const stop = new AbortController();

// The small WebSocket on every Node, also on one that has its own.
const live = new Live(bus, { streams: ["node"], frames: true }, async (address) => new NodeWebSocket(address));
await new Promise((resolve) => live.on("hello", resolve));
const inStep = [];
const followed = (async () => {
  for await (const { outcome, jpeg } of live) {
    inStep.push(jpeg !== null && Buffer.from(jpeg).equals(jpegs[outcome.sequence]));
    if (inStep.length === jpegs.length) return outcome.session;
  }
})();
for (const [number, jpeg] of jpegs.entries()) {
  await bus.postFrame("node", jpeg, { captureTime: 1_795_625_427_000_000_000n + BigInt(number) * 40_000_000n, delivery: "lossless" });
}
const session = await followed;
const sequences = [];
for await (const { sequence } of bus.outcomes(session, { pageSize: 2 })) sequences.push(sequence);
const kept = Buffer.from(await bus.frame(session, 1)).equals(jpegs[1]);
const timeline = await bus.timeline(session);
const events = [];
for await (const { event, id } of bus.events({ streams: ["node"], lastEventID: `${session}/0`, signal: stop.signal })) {
  if (event === "outcome") events.push(id.split("/")[1]);
  if (events.length === jpegs.length - 1) stop.abort();
}
const refused = await bus.session("00000000-0000-4000-8000-000000000000").catch((error) => error.status);
const { stages } = await bus.status();
console.log(JSON.stringify({ inStep, sequences, kept, persons: timeline.persons, events, refused, sink: stages.sink.state }));
