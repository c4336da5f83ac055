/**
 * A WebSocket client (RFC 6455) over node:http for a Node that has none of its own (before 22): text and binary messages,
 * fragments, ping and close; no extensions. The same handlers as a browser's: onopen, onmessage, onerror, onclose.
 */

import { createHash, randomBytes } from "node:crypto";
import { request as plain } from "node:http";
import { request as secure } from "node:https";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

export class NodeWebSocket {
  #socket = null;
  #waiting = [];
  #length = 0;
  #fragments = [];
  #kind = 0;
  #code = 1006;

  /** @param {string} url ws: or wss: */
  constructor(url, { maximum = 256 << 20 } = {}) {
    this.readyState = 0;
    this.binaryType = "arraybuffer";
    this.maximum = maximum;
    this.onopen = this.onmessage = this.onerror = this.onclose = null;
    const address = new URL(url.replace(/^ws/, "http"));
    const key = randomBytes(16).toString("base64");
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key };
    const request = (address.protocol === "https:" ? secure : plain)(address, { headers, timeout: 20_000 });
    this.request = request;
    request.on("response", (answer) => {
      answer.resume();
      this.#failed(`The gateway did not open a live connection: HTTP status ${answer.statusCode}.`, answer.statusCode);
    });
    request.on("timeout", () => request.destroy(new Error("no answer for 20 s")));
    request.on("error", (error) => this.#failed(`The gateway at ${address.host} does not answer (${error.code ?? error.message}).`));
    request.on("upgrade", (answer, socket, head) => this.#upgraded(answer, socket, head, key));
    request.end();
  }

  /** @param {string} text */
  send(text) {
    if (this.readyState === 1) this.#write(TEXT, Buffer.from(text));
  }

  close(code = 1000) {
    if (this.readyState >= 2) return;
    if (this.readyState === 0) {
      this.request.destroy();
      this.#ended();
      return;
    }
    this.readyState = 2;
    this.#write(CLOSE, Buffer.from([code >> 8, code & 255]));
    // A peer that does not answer the farewell does not hold us.
    setTimeout(() => this.#socket?.destroy(), 2000).unref();
  }

  #failed(message, status = 0) {
    if (this.readyState >= 2) return;
    this.onerror?.({ message, status });
    this.#ended();
  }

  #ended() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#socket?.destroy();
    this.onclose?.({ code: this.#code });
  }

  #upgraded(answer, socket, head, key) {
    const expected = createHash("sha1").update(key + GUID).digest("base64");
    if (answer.headers["sec-websocket-accept"] !== expected) {
      socket.destroy();
      this.#failed("What answered is no WebSocket server.");
      return;
    }
    this.#socket = socket;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.on("error", () => this.#ended());
    socket.on("close", () => this.#ended());
    socket.on("data", (bytes) => this.#received(bytes));
    this.readyState = 1;
    this.onopen?.({});
    if (head.length > 0) this.#received(head);
  }

  /** A client masks what it sends. */
  #write(kind, payload) {
    const mask = randomBytes(4);
    const long = payload.length > 125;
    const header = Buffer.alloc(long ? 4 : 2);
    header[0] = 0x80 | kind;
    header[1] = 0x80 | (long ? 126 : payload.length);
    if (long) header.writeUInt16BE(payload.length, 2);
    const masked = Buffer.from(payload);
    for (let index = 0; index < masked.length; index += 1) masked[index] ^= mask[index & 3];
    this.#socket?.write(Buffer.concat([header, mask, masked]));
  }

  #received(bytes) {
    this.#waiting.push(bytes);
    this.#length += bytes.length;
    // A large message comes in many pieces: they are joined once, when its whole frame is there.
    let needed = 2;
    while (this.readyState < 3 && this.#length >= needed) {
      if (this.#waiting[0].length < Math.min(14, this.#length)) this.#waiting = [Buffer.concat(this.#waiting)];
      const frame = this.#header(this.#waiting[0]);
      if (frame === null) return;
      if (frame.length > this.maximum || this.#fragments.reduce((sum, part) => sum + part.length, frame.length) > this.maximum) {
        this.#code = 1009;
        this.close(1009);
        this.#ended();
        return;
      }
      needed = frame.start + frame.length;
      if (this.#length < needed) return;
      const joined = this.#waiting.length > 1 ? Buffer.concat(this.#waiting) : this.#waiting[0];
      const rest = joined.subarray(needed);
      this.#waiting = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
      this.#frame(frame, joined.subarray(frame.start, needed));
      needed = 2;
    }
  }

  /** What the first bytes say of the frame; null while there are too few of them. */
  #header(bytes) {
    const short = bytes[1] & 127;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return null;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    return { final: (bytes[0] & 0x80) !== 0, kind: bytes[0] & 15, start, length };
  }

  #frame({ final, kind }, payload) {
    if (kind === PING) return this.#write(PONG, payload);
    if (kind === PONG) return;
    if (kind === CLOSE) {
      if (payload.length >= 2) this.#code = payload.readUInt16BE(0);
      if (this.readyState === 1) this.#write(CLOSE, payload.subarray(0, 2));
      this.#ended();
      return;
    }
    if (kind !== 0) this.#kind = kind;
    this.#fragments.push(payload);
    if (!final) return;
    const whole = this.#fragments.length > 1 ? Buffer.concat(this.#fragments) : this.#fragments[0];
    this.#fragments = [];
    const data = this.#kind === BINARY
      ? whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.byteLength)
      : whole.toString("utf8");
    this.onmessage?.({ data });
  }
}
