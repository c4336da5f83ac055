// A gateway of a few lines over node:http, for the client's tests: what it answers is set by each test.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

export function startGateway(routes = {}) {
  const sockets = new Set();
  const requests = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const seen = { method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body: Buffer.concat(pieces) };
    requests.push(seen);
    const route = routes[`${request.method} ${url.pathname}`];
    if (!route) {
      response.writeHead(404, { "Content-Type": "application/json" });
      return response.end(JSON.stringify({ error: `There is nothing at ${url.pathname}.` }));
    }
    const answer = await route(seen, response);
    if (answer === undefined) return;
    const { status = 200, json, bytes, headers = {} } = answer;
    response.writeHead(status, json ? { "Content-Type": "application/json", ...headers } : headers);
    response.end(json ? JSON.stringify(json) : bytes);
  });
  const gateway = {
    requests,
    /** Connections to /v1/live, as they come. */
    live: [],
    onLive: () => {},
    refuseLive: 0,
    url: "",
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket) => {
    if (gateway.refuseLive) {
      return socket.end(`HTTP/1.1 ${gateway.refuseLive} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    }
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    const connection = new ServerConnection(socket, new URL(request.url, "http://x"));
    gateway.live.push(connection);
    gateway.onLive(connection);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => {
    gateway.url = `http://127.0.0.1:${server.address().port}`;
    resolve(gateway);
  }));
}

/** The server's end of a WebSocket: sends frames, keeps what comes. */
class ServerConnection {
  received = [];
  pongs = 0;

  constructor(socket, url) {
    this.socket = socket;
    this.url = url;
    socket.on("error", () => {});
    socket.on("data", (bytes) => this.#read(bytes));
  }

  #read(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const kind = bytes[at] & 15;
      let length = bytes[at + 1] & 127, start = at + 2;
      if (length === 126) [length, start] = [bytes.readUInt16BE(at + 2), at + 4];
      const mask = bytes.subarray(start, start + 4);
      const payload = Buffer.from(bytes.subarray(start + 4, start + 4 + length)).map((byte, index) => byte ^ mask[index & 3]);
      if (kind === 1) this.received.push(JSON.parse(Buffer.from(payload).toString()));
      if (kind === 10) this.pongs += 1;
      if (kind === 8) this.closed = true;
      at = start + 4 + length;
    }
  }

  frame(kind, payload, final = true) {
    const header = [(final ? 0x80 : 0) | kind];
    if (payload.length < 126) header.push(payload.length);
    else if (payload.length < 65536) header.push(126, payload.length >> 8, payload.length & 255);
    else header.push(127, 0, 0, 0, 0, (payload.length >>> 24) & 255, (payload.length >>> 16) & 255, (payload.length >>> 8) & 255, payload.length & 255);
    return Buffer.concat([Buffer.from(header), payload]);
  }

  json(message) {
    this.socket.write(this.frame(1, Buffer.from(JSON.stringify(message))));
  }

  binary(payload) {
    this.socket.write(this.frame(2, payload));
  }

  drop() {
    this.socket.destroy();
  }
}

/** A binary message of /v1/live. */
export function liveMessage(outcome, jpeg = Buffer.alloc(0), meshes = []) {
  const text = Buffer.from(JSON.stringify(outcome));
  return Buffer.concat([u32(text.length), text, u32(jpeg.length), jpeg, meshes.length > 0 ? meshBlock(meshes) : Buffer.alloc(0)]);
}

export function meshBlock(meshes) {
  return Buffer.concat([u32(meshes.length), ...meshes.flatMap(({ track_id: track, vertices }) => {
    const floats = Buffer.alloc(4 * vertices.length);
    vertices.forEach((value, index) => floats.writeFloatLE(value, 4 * index));
    return [u32(track), u32(vertices.length / 3), floats];
  })]);
}

export function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function outcome(sequence, stream = "cam") {
  return { v: 1, stream, session: "s", sequence, camera_frame: sequence, capture_time_ns: 1e18, width: 4, height: 3, engine: "blazepose",
    skeleton: "blazepose33", drop: null, persons: [], timing_ms: {}, trace_id: null };
}
