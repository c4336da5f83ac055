import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMeshes, PoseBus, PoseBusError } from "../posebus.js";
import { meshBlock, outcome, startGateway, u32 } from "./gateway.js";

async function withGateway(t, routes) {
  const gateway = await startGateway(routes);
  t.after(() => gateway.close());
  return [gateway, new PoseBus(gateway.url)];
}

test("outcomes come page by page, each once, up to the end", async (t) => {
  const all = Array.from({ length: 7 }, (_, index) => outcome(index));
  const [gateway, bus] = await withGateway(t, {
    "GET /v1/sessions/a%2Fb/outcomes": ({ query }) => {
      const from = Number(query.get("from")), chosen = all.slice(from, from + Number(query.get("limit")));
      return { json: { outcomes: chosen, next: from + chosen.length, ended: from + chosen.length === all.length } };
    },
  });
  const seen = [];
  for await (const { sequence } of bus.outcomes("a/b", { pageSize: 3, revision: "latest" })) seen.push(sequence);
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(gateway.requests.length, 3);
  assert.equal(gateway.requests[0].query.get("revision"), "latest");
});

test("outcomes of a session that goes on end with what is stored, or wait with follow", async (t) => {
  let stored = 2;
  const [, bus] = await withGateway(t, {
    "GET /v1/sessions/s/outcomes": ({ query }) => {
      const from = Number(query.get("from"));
      const chosen = [0, 1, 2, 3].slice(from, stored).map((sequence) => outcome(sequence));
      const next = from + chosen.length;
      if (from >= 2) stored = 4;
      return { json: { outcomes: chosen, next, ended: next === 4 } };
    },
  });
  const first = [];
  for await (const one of bus.outcomes("s")) first.push(one.sequence);
  assert.deepEqual(first, [0, 1]);
  stored = 2;
  const all = [];
  for await (const one of bus.outcomes("s", { follow: true })) all.push(one.sequence);
  assert.deepEqual(all, [0, 1, 2, 3]);
});

test("the key goes into headers, and into addresses only where no header can be", async (t) => {
  const [gateway] = await withGateway(t, { "GET /v1/status": () => ({ json: { version: "1" } }) });
  const bus = new PoseBus(`${gateway.url}/`, { key: "se cret" });
  await bus.status();
  assert.equal(gateway.requests[0].headers.authorization, "Bearer se cret");
  assert.equal(gateway.requests[0].query.get("key"), null);
  assert.match(bus.exportURL("s", "csv", { revision: 2 }), /\/v1\/sessions\/s\/export\?format=csv&revision=2&key=se\+cret$/);
});

test("a refusal has the gateway's words and status", async (t) => {
  const [, bus] = await withGateway(t, { "GET /v1/sessions/x": () => ({ status: 503, json: { error: "The sink does not answer. Start it." } }) });
  await assert.rejects(bus.session("x"), (error) => error instanceof PoseBusError && error.status === 503 && error.message === "The sink does not answer. Start it.");
});

test("an answer that is no JSON is told as it is", async (t) => {
  const [, bus] = await withGateway(t, { "GET /v1/jobs": () => ({ status: 502, bytes: "Bad gateway" }) });
  await assert.rejects(bus.jobs(), /status 502: Bad gateway/);
});

test("nobody at the address is told with the address", async () => {
  const bus = new PoseBus("http://127.0.0.1:1");
  await assert.rejects(bus.status(), (error) => error.status === 0 && /127\.0\.0\.1:1 does not answer.*posebus-gateway/.test(error.message));
});

test("frames are bytes, or null where none was kept; meshes and body are typed arrays", async (t) => {
  const [, bus] = await withGateway(t, {
    "GET /v1/sessions/s/frames/3": () => ({ bytes: Buffer.from([255, 216, 1]) }),
    "GET /v1/sessions/s/outcomes/3/meshes": () => ({ bytes: meshBlock([{ track_id: 7, vertices: [1, 2, 3.5] }, { track_id: 9, vertices: [0, 0, 0, 4, 5, 6] }]) }),
    "GET /v1/body": () => ({ bytes: Buffer.concat([u32(3), u32(1), u32(0), u32(2), u32(1)]) }),
  });
  assert.deepEqual([...await bus.frame("s", 3)], [255, 216, 1]);
  assert.equal(await bus.frame("s", 4), null);
  const meshes = await bus.meshes("s", 3);
  assert.deepEqual(meshes.map(({ track_id: track, vertices }) => [track, ...vertices]), [[7, 1, 2, 3.5], [9, 0, 0, 0, 4, 5, 6]]);
  assert.deepEqual(await bus.meshes("s", 5), []);
  assert.deepEqual(await bus.body(), { vertexCount: 3, faces: new Uint32Array([0, 2, 1]) });
});

test("a mesh block that is cut off is an error, wherever it is cut", () => {
  const whole = meshBlock([{ track_id: 1, vertices: [1, 2, 3] }]);
  for (let length = 1; length < whole.length; length += 1) assert.throws(() => decodeMeshes(whole.subarray(0, length)), PoseBusError);
  assert.equal(decodeMeshes(whole).length, 1);
});

test("a frame is posted with its time to the nanosecond", async (t) => {
  const [gateway, bus] = await withGateway(t, { "POST /v1/streams/my%20cam/frames": () => ({ status: 202, json: { stream: "my cam", frame: 1 } }) });
  assert.deepEqual(await bus.postFrame("my cam", new Uint8Array([255, 216]), { captureTime: 1795625427411684443n, still: true, wait: false, traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }), { stream: "my cam", frame: 1 });
  const [{ headers, query, body }] = gateway.requests;
  assert.equal(headers["x-capture-time-ns"], "1795625427411684443");
  assert.equal(headers.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  assert.equal(query.get("still"), "true");
  assert.equal(query.get("wait"), null);
  assert.deepEqual([...body], [255, 216]);
});

for (const [kind, make] of [["bytes", (bytes) => bytes], ["a blob", (bytes) => new Blob([bytes])], ["a stream", async function* (bytes) { yield bytes.subarray(0, 10); yield bytes.subarray(10); }]]) {
  test(`a video is sent from ${kind} with progress, and its job followed to the end`, async (t) => {
    const states = ["queued", "processing", "completed"];
    const [gateway, bus] = await withGateway(t, {
      "POST /v1/videos": () => ({ status: 202, json: { job_id: "j", status: "queued" } }),
      "GET /v1/jobs/j": () => ({ json: { job_id: "j", status: states.shift(), session: "s" } }),
    });
    const video = new Uint8Array(200_000).map((_, index) => index);
    const progress = [];
    const job = await bus.uploadVideo(make(video), { name: "ride one.mp4", onProgress: ({ sent }) => progress.push(sent) });
    assert.deepEqual(new Uint8Array(gateway.requests[0].body), video);
    assert.equal(gateway.requests[0].query.get("name"), "ride one.mp4");
    assert.equal(progress.at(-1), 200_000);
    const last = await bus.finishedJob(job.job_id, { interval: 5 });
    assert.equal(last.status, "completed");
  });
}

test("server-sent events go on where they were cut off", async (t) => {
  let connections = 0;
  const [gateway, bus] = await withGateway(t, {
    "GET /v1/events": ({ headers }, response) => {
      connections += 1;
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const first = headers["last-event-id"] ? Number(headers["last-event-id"].split("/")[1]) + 1 : 0;
      response.write(": comment\n\n");
      // In pieces that end in the middle of a line.
      const text = [first, first + 1].map((n) => `event: outcome\nid: s/${n}\ndata: {"sequence":\ndata: ${n}}\n\n`).join("");
      response.write(text.slice(0, 30));
      setTimeout(() => response.end(text.slice(30)), 20);
    },
  });
  const stop = new AbortController();
  const seen = [];
  for await (const { event, id, data } of bus.events({ streams: ["cam"], signal: stop.signal })) {
    seen.push([event, id, data.sequence]);
    if (seen.length === 4) stop.abort();
  }
  assert.deepEqual(seen, [0, 1, 2, 3].map((n) => ["outcome", `s/${n}`, n]));
  assert.equal(connections, 2);
  assert.equal(gateway.requests[0].query.get("stream"), "cam");
});
