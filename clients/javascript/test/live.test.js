import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLiveMessage, Live, PoseBus, PoseBusError } from "../posebus.js";
import { NodeWebSocket } from "../node-websocket.js";
import { liveMessage, outcome, startGateway } from "./gateway.js";

/** The small WebSocket always, so that it is tested on a Node that has one of its own, too. */
const open = async (url) => new NodeWebSocket(url);

async function connected(t, options) {
  const gateway = await startGateway();
  const live = new Live(new PoseBus(gateway.url, { key: options?.key }), options, open);
  t.after(async () => {
    live.close();
    await gateway.close();
  });
  return [gateway, live];
}

const until = async (condition) => {
  for (const end = Date.now() + 20_000; !condition(); ) {
    assert.ok(Date.now() < end, `waited in vain for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test("frame, pose and meshes of one message stay together", async (t) => {
  const [gateway, live] = await connected(t, { streams: ["cam"], frames: true, meshes: true, key: "k" });
  gateway.onLive = (connection) => {
    connection.json({ type: "hello", v: 1 });
    for (let n = 0; n < 3; n += 1) connection.binary(liveMessage(outcome(n), Buffer.from([255, 216, n]), [{ track_id: n, vertices: [n, 0, 1] }]));
  };
  const seen = [];
  for await (const { outcome: { sequence }, jpeg, meshes } of live) {
    seen.push([sequence, jpeg[2], meshes[0].track_id, meshes[0].vertices[0]]);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, [[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2]]);
  assert.deepEqual([...gateway.live[0].url.searchParams], [["stream", "cam"], ["frames", "1"], ["meshes", "1"], ["key", "k"]]);
  assert.equal(live.state, "closed");
});

test("a large message in pieces, in fragments, with a ping between", async (t) => {
  const [gateway, live] = await connected(t);
  const jpeg = Buffer.alloc(300_000, 9);
  gateway.onLive = (connection) => {
    const message = liveMessage(outcome(5), jpeg);
    const bytes = Buffer.concat([connection.frame(2, message.subarray(0, 70_000), false), connection.frame(9, Buffer.from("hi")), connection.frame(0, message.subarray(70_000))]);
    // Some bytes at a time at first, so that headers are cut as well.
    const cuts = [1, 2, 3, 5, 8, 13, 1000, 69_990, 70_010, 70_020, 70_030, 200_000];
    [0, ...cuts].forEach((start, index) => setTimeout(() => connection.socket.write(bytes.subarray(start, cuts[index] ?? bytes.length)), 5 * index));
  };
  for await (const message of live) {
    assert.equal(message.outcome.sequence, 5);
    assert.ok(Buffer.from(message.jpeg).equals(jpeg));
    break;
  }
  await until(() => gateway.live[0].pongs === 1);
});

test("a lost connection is opened again by itself, with what was wished meanwhile", async (t) => {
  const [gateway, live] = await connected(t, { streams: ["a"] });
  const states = [], seen = [];
  live.on("state", (state) => states.push(state));
  live.on("outcome", (message) => seen.push(message.outcome.sequence));
  await until(() => live.state === "open");
  live.subscribe("b");
  live.want({ meshes: true });
  await until(() => gateway.live[0].received.length >= 3);
  assert.deepEqual(gateway.live[0].received.slice(-2), [{ subscribe: ["b"] }, { frames: false, meshes: true }]);
  gateway.live[0].binary(liveMessage(outcome(0)));
  await until(() => seen.length === 1);
  gateway.live[0].drop();
  await until(() => gateway.live.length === 2);
  assert.deepEqual(gateway.live[1].url.searchParams.getAll("stream"), ["a", "b"]);
  assert.equal(gateway.live[1].url.searchParams.get("meshes"), "1");
  gateway.live[1].binary(liveMessage(outcome(9)));
  await until(() => seen.length === 2);
  assert.deepEqual(seen, [0, 9]);
  assert.ok(states.includes("waiting"), states.join());
});

test("events of every kind, and one that fails does not stop the others", async (t) => {
  const [gateway, live] = await connected(t);
  const seen = [];
  t.mock.method(console, "error", () => {});
  live.on("status", () => { throw new Error("a handler's own affair"); });
  for (const kind of ["status", "session", "skipped"]) live.on(kind, (message) => seen.push(message));
  await until(() => live.state === "open");
  const sent = [{ type: "status", stages: {} }, { type: "session", event: "end", stream: "cam" }, { type: "skipped", stream: "cam", count: 4 }];
  for (const message of sent) gateway.live[0].json(message);
  await until(() => seen.length === 3);
  assert.deepEqual(seen, sent);
});

test("an iterator that does not keep up loses the oldest, and is told", async (t) => {
  const [gateway, live] = await connected(t, { capacity: 2 });
  let skipped = 0, received = 0;
  live.on("skipped", ({ count }) => (skipped += count));
  live.on("outcome", () => (received += 1));
  const iterator = live[Symbol.asyncIterator]();
  const first = iterator.next();
  await until(() => live.state === "open");
  gateway.live[0].binary(liveMessage(outcome(0)));
  assert.equal((await first).value.outcome.sequence, 0);
  for (let n = 1; n <= 5; n += 1) gateway.live[0].binary(liveMessage(outcome(n)));
  await until(() => received === 6);
  assert.equal(skipped, 3);
  assert.equal((await iterator.next()).value.outcome.sequence, 4);
  await iterator.return();
});

test("a key that is not taken ends it with an error of status 401", async () => {
  const gateway = await startGateway();
  gateway.refuseLive = 401;
  const live = new Live(new PoseBus(gateway.url), {}, open);
  const errors = [];
  live.on("error", (error) => errors.push(error));
  await until(() => live.state === "closed");
  assert.ok(errors[0] instanceof PoseBusError);
  assert.equal(errors[0].status, 401);
  await gateway.close();
});

test("a gateway that is not there yet is waited for", async (t) => {
  const [gateway, live] = await connected(t);
  await until(() => live.state === "open");
  assert.equal(gateway.live.length, 1);
  gateway.refuseLive = 503;
  gateway.live[0].drop();
  await until(() => live.state === "waiting");
  gateway.refuseLive = 0;
  await until(() => live.state === "open");
});

test("a message that is cut off is an error, wherever it is cut", () => {
  const whole = liveMessage(outcome(1), Buffer.from([1, 2, 3]), [{ track_id: 1, vertices: [1, 2, 3] }]);
  const withoutMeshes = liveMessage(outcome(1), Buffer.from([1, 2, 3])).length;
  for (let length = 0; length < whole.length; length += 1) {
    if (length !== withoutMeshes) assert.throws(() => decodeLiveMessage(whole.subarray(0, length)), PoseBusError);
  }
  assert.equal(decodeLiveMessage(whole).meshes.length, 1);
});

test("a message larger than allowed is refused before it is held", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.close());
  gateway.onLive = (connection) => connection.socket.write(Buffer.from([0x82, 127, 0, 0, 0, 255, 0, 0, 0, 0]));
  const socket = new NodeWebSocket(gateway.url.replace("http", "ws"), { maximum: 1 << 20 });
  const code = await new Promise((resolve) => (socket.onclose = (event) => resolve(event.code)));
  assert.equal(code, 1009);
});
