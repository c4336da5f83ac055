/**
 * The client of a PoseBus gateway for browsers and Node 18 or later: poses of recordings, live streams with the very frames they
 * belong to, uploads and exports. One file, no dependency, no build step. Types are in posebus.d.ts.
 *
 *     import { PoseBus } from "./posebus.js";
 *     const bus = new PoseBus("http://127.0.0.1:5000");
 *     for await (const { outcome } of bus.live()) console.log(outcome.stream, outcome.sequence, outcome.persons.length);
 */

/** What the gateway refused or could not do, in its own words; `status` is HTTP's, 0 where nothing answered. */
export class PoseBusError extends Error {
  constructor(message, status = 0, options = undefined) {
    super(message, options);
    this.name = "PoseBusError";
    this.status = status;
  }
}

/** Waits; ends early, without an error, when the signal fires. */
function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}

/** Pauses between attempts to connect again: 0.5 s, doubling up to 8 s, with a third of chance so that readers do not all come at once. */
function pause(attempt) {
  return Math.min(8000, 500 * 2 ** attempt) * (0.67 + 0.33 * Math.random());
}

/**
 * Reads a mesh block: u32 count, then for each person u32 track_id, u32 V, f32[3·V], little-endian. Vertices are metres in the
 * camera's frame: x right, y down, z forward. An empty block means that nobody has a body.
 */
export function decodeMeshes(bytes) {
  const meshes = [];
  if (bytes.byteLength === 0) return meshes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 4;
  const short = () => tooShort("mesh block", bytes);
  if (bytes.byteLength < 4) throw short();
  for (let left = view.getUint32(0, true); left > 0; left -= 1) {
    if (offset + 8 > bytes.byteLength) throw short();
    const trackID = view.getUint32(offset, true);
    const length = view.getUint32(offset + 4, true) * 12;
    offset += 8;
    if (offset + length > bytes.byteLength) throw short();
    // A copy, because floats must lie at multiples of four and these may not.
    meshes.push({ track_id: trackID, vertices: floats(bytes, offset, length) });
    offset += length;
  }
  return meshes;
}

function tooShort(what, { byteLength }) {
  return new PoseBusError(`A ${what} of ${byteLength} bytes ends too early; gateway and client may differ in version.`);
}

function floats(bytes, offset, length) {
  const start = bytes.byteOffset + offset;
  return new Float32Array(bytes.buffer.slice(start, start + length));
}

/** Reads one binary message of /v1/live: the outcome, the JPEG of exactly that frame (null without one), and the meshes. */
export function decodeLiveMessage(buffer) {
  const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const part = (offset) => {
    const length = offset + 4 <= bytes.byteLength ? view.getUint32(offset, true) : Infinity;
    if (offset + 4 + length > bytes.byteLength) {
      throw tooShort("live message", bytes);
    }
    return bytes.subarray(offset + 4, offset + 4 + length);
  };
  const text = part(0);
  const jpeg = part(4 + text.byteLength);
  const rest = bytes.subarray(8 + text.byteLength + jpeg.byteLength);
  return {
    outcome: JSON.parse(new TextDecoder().decode(text)),
    jpeg: jpeg.byteLength > 0 ? jpeg : null,
    meshes: decodeMeshes(rest),
  };
}

/** Handlers by event name. What a handler throws is its own affair: the others are still called. */
class Emitter {
  #handlers = new Map();

  /** Calls the handler at every such event; returns a function that ends that. */
  on(event, handler) {
    if (!this.#handlers.has(event)) this.#handlers.set(event, new Set());
    this.#handlers.get(event).add(handler);
    return () => this.#handlers.get(event).delete(handler);
  }

  emit(event, value) {
    for (const handler of [...(this.#handlers.get(event) ?? [])]) {
      try {
        handler(value);
      } catch (error) {
        console.error(error);
      }
    }
  }
}

/**
 * Live outcomes over a WebSocket that is opened again by itself whenever it is lost. Either `for await` over it, or `on`
 * handlers: `outcome` ({outcome, jpeg, meshes}), `session`, `status`, `skipped` ({stream, count}), `hello`, `state`
 * ("connecting", "open", "waiting", "closed"), `error`.
 *
 * An iterator that is slower than the stream loses its oldest waiting outcomes; `skipped` events tell how many, as they do for
 * those the gateway left out.
 */
export class Live extends Emitter {
  #bus;
  #open;
  #wish;
  #socket = null;
  #waiting = [];
  #wake = null;
  #iterated = false;
  #ended = new AbortController();

  constructor(bus, options = {}, open = openSocket) {
    super();
    this.#bus = bus;
    this.#open = open;
    const { streams, frames = false, meshes = false } = options;
    this.#wish = { streams: streams ? [...streams] : null, frames, meshes };
    /** Outcomes an iterator may leave waiting. */
    this.capacity = options.capacity ?? 128;
    this.state = "connecting";
    options.signal?.addEventListener("abort", () => this.close());
    if (options.signal?.aborted) this.close();
    else this.#run();
  }

  /** Asks for these streams as well. */
  subscribe(...streams) {
    this.#wish.streams = [...new Set([...(this.#wish.streams ?? []), ...streams])];
    this.#tell({ subscribe: streams });
  }

  unsubscribe(...streams) {
    this.#wish.streams = (this.#wish.streams ?? []).filter((name) => !streams.includes(name));
    this.#tell({ unsubscribe: streams });
  }

  /** Switches frames and meshes on or off. */
  want(options) {
    const { frames = this.#wish.frames, meshes = this.#wish.meshes } = options;
    if (frames === this.#wish.frames && meshes === this.#wish.meshes) return;
    Object.assign(this.#wish, { frames, meshes });
    this.#tell({ frames, meshes });
  }

  /** Ends it for good. */
  close() {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#socket?.close(1000);
    this.#setState("closed");
    this.#wake?.();
  }

  async *[Symbol.asyncIterator]() {
    this.#iterated = true;
    try {
      for (;;) {
        while (this.#waiting.length > 0) yield this.#waiting.shift();
        if (this.#ended.signal.aborted) return;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.close();
    }
  }

  #tell(message) {
    if (this.state === "open") this.#socket.send(JSON.stringify(message));
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }

  async #run() {
    let attempt = 0;
    while (!this.#ended.signal.aborted) {
      try {
        await this.#connection(() => (attempt = 0));
      } catch (error) {
        this.emit("error", error);
        if (error.status === 401) return this.close();
      }
      if (this.#ended.signal.aborted) return;
      this.#setState("waiting");
      await sleep(pause(attempt), this.#ended.signal);
      attempt += 1;
    }
  }

  /** One connection, from its opening to its end. */
  #connection(opened) {
    return new Promise((resolve, reject) => {
      this.#setState("connecting");
      const { streams, frames, meshes } = this.#wish;
      const query = [...(streams ?? []).map((name) => ["stream", name]), ["frames", frames ? 1 : 0], ["meshes", meshes ? 1 : 0]];
      const url = this.#bus.url("/v1/live", query).replace(/^http/, "ws");
      this.#open(url).then((socket) => {
        this.#socket = socket;
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
          opened();
          this.#setState("open");
          // What was wished while the connection was being made.
          this.#tell({ frames: this.#wish.frames, meshes: this.#wish.meshes });
          const added = (this.#wish.streams ?? []).filter((name) => !(streams ?? []).includes(name));
          const removed = (streams ?? []).filter((name) => !(this.#wish.streams ?? []).includes(name));
          if (added.length > 0) this.#tell({ subscribe: added });
          if (removed.length > 0) this.#tell({ unsubscribe: removed });
        };
        socket.onmessage = ({ data }) => {
          try {
            this.#received(data);
          } catch (error) {
            this.emit("error", error);
          }
        };
        socket.onerror = (event) => {
          const status = event?.status ?? 0;
          const words = event?.message || "The live connection failed; it is opened again by itself.";
          reject(new PoseBusError(words, status));
        };
        socket.onclose = () => resolve();
        if (this.#ended.signal.aborted) socket.close(1000);
      }, reject);
    });
  }

  #received(data) {
    if (this.#ended.signal.aborted) return;
    if (typeof data === "string") {
      const message = JSON.parse(data);
      this.emit(message.type, message);
      return;
    }
    const message = decodeLiveMessage(data);
    this.emit("outcome", message);
    if (!this.#iterated) return;
    this.#waiting.push(message);
    if (this.#waiting.length > this.capacity) {
      const { outcome } = this.#waiting.shift();
      this.emit("skipped", { type: "skipped", stream: outcome.stream, count: 1 });
    }
    this.#wake?.();
  }
}

/** The platform's WebSocket, or the small one for a Node that has none. */
async function openSocket(url) {
  if (typeof globalThis.WebSocket === "function") return new globalThis.WebSocket(url);
  const { NodeWebSocket } = await import("./node-websocket.js");
  return new NodeWebSocket(url);
}

/** A gateway at `baseURL` (in a browser by default the page's own), with an API key where it asks for one. */
export class PoseBus {
  constructor(baseURL = globalThis.location?.origin, { key = null, fetch = (...all) => globalThis.fetch(...all) } = {}) {
    if (!baseURL) throw new PoseBusError("Say where the gateway is: new PoseBus(\"http://127.0.0.1:5000\").");
    this.baseURL = String(baseURL).replace(/\/+$/, "");
    this.key = key;
    this.fetch = fetch;
  }

  /** An address with its query. The key goes into it only where no header can carry it: images, downloads, WebSockets. */
  url(path, query = [], { withKey = true } = {}) {
    const pairs = (Array.isArray(query) ? query : Object.entries(query)).filter(([, value]) => value !== undefined && value !== null);
    if (withKey && this.key) pairs.push(["key", this.key]);
    const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return this.baseURL + path + (text ? `?${text}` : "");
  }

  /** The answer to one request; throws PoseBusError with the gateway's words for what is not a success. */
  async request(path, { query, method = "GET", headers = {}, body, signal, duplex } = {}) {
    const all = this.key ? { Authorization: `Bearer ${this.key}`, ...headers } : headers;
    const options = { method, headers: all, signal };
    if (body !== undefined) Object.assign(options, { body, ...(duplex ? { duplex } : {}) });
    let answer;
    try {
      answer = await this.fetch(this.url(path, query, { withKey: false }), options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      const why = error.cause?.code ?? error.message;
      const words = `The gateway at ${this.baseURL} does not answer (${why}). Is posebus-gateway running there?`;
      throw new PoseBusError(words, 0, { cause: error });
    }
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }

  async #json(path, options) {
    return (await this.request(path, options)).json();
  }

  async #bytes(path, options) {
    return new Uint8Array(await (await this.request(path, options)).arrayBuffer());
  }

  /** What is up and what is down, and the streams with their rates. */
  status(options) {
    return this.#json("/v1/status", options);
  }

  async streams(options) {
    return (await this.#json("/v1/streams", options)).streams;
  }

  /** The newest recordings, oldest of them first. */
  async sessions({ stream, limit, signal } = {}) {
    return (await this.#json("/v1/sessions", { query: { stream, limit }, signal })).sessions;
  }

  session(session, options) {
    return this.#json(`/v1/sessions/${encodeURIComponent(session)}`, options);
  }

  /** One page: {outcomes, next, ended}. */
  outcomePage(session, { from, to, revision, limit, signal } = {}) {
    return this.#json(`/v1/sessions/${encodeURIComponent(session)}/outcomes`, { query: { from, to, revision, limit }, signal });
  }

  /**
   * A session's outcomes in order, page by page. Ends with what is stored; with `follow` it waits for more until the session ends.
   */
  async *outcomes(session, { from = 0, to, revision, pageSize = 500, follow = false, signal } = {}) {
    for (let next = from; to === undefined || next <= to; ) {
      const page = await this.outcomePage(session, { from: next, to, revision, limit: pageSize, signal });
      yield* page.outcomes;
      next = page.next;
      if (page.ended) return;
      if (page.outcomes.length > 0) continue;
      if (!follow || signal?.aborted) return;
      await sleep(500, signal);
    }
  }

  /** Capture times, persons, drops and kept frames of a whole session, without its poses. */
  timeline(session, { revision, signal } = {}) {
    return this.#json(`/v1/sessions/${encodeURIComponent(session)}/timeline`, { query: { revision }, signal });
  }

  frameURL(session, sequence) {
    return this.url(`/v1/sessions/${encodeURIComponent(session)}/frames/${sequence}`);
  }

  /** The JPEG of a frame as bytes; null where it was not kept. */
  async frame(session, sequence, { signal } = {}) {
    return this.#unlessMissing(this.#bytes(`/v1/sessions/${encodeURIComponent(session)}/frames/${sequence}`, { signal }), null);
  }

  /** The bodies in a frame; none where nobody has one. */
  async meshes(session, sequence, { revision, signal } = {}) {
    const path = `/v1/sessions/${encodeURIComponent(session)}/outcomes/${sequence}/meshes`;
    return decodeMeshes(await this.#unlessMissing(this.#bytes(path, { query: { revision }, signal }), new Uint8Array()));
  }

  /** The triangles of the body model: {vertexCount, faces}; null where the gateway has no SMPL files. */
  async body(options) {
    const bytes = await this.#unlessMissing(this.#bytes("/v1/body", options), null);
    if (!bytes) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const triangles = view.getUint32(4, true);
    const start = bytes.byteOffset + 8;
    return { vertexCount: view.getUint32(0, true), faces: new Uint32Array(bytes.buffer.slice(start, start + 12 * triangles)) };
  }

  async #unlessMissing(promise, otherwise) {
    try {
      return await promise;
    } catch (error) {
      if (error.status === 404) return otherwise;
      throw error;
    }
  }

  /** Feeds one JPEG. With `wait` its outcome is the answer, otherwise {stream, frame}. */
  postFrame(stream, jpeg, { captureTime, delivery, end, still, traceparent, wait, signal } = {}) {
    const headers = { "Content-Type": "image/jpeg" };
    if (captureTime !== undefined) headers["X-Capture-Time-Ns"] = String(captureTime);
    if (traceparent !== undefined) headers.traceparent = traceparent;
    const query = { delivery, end: end ? "true" : undefined, still: still ? "true" : undefined, wait: wait ? "outcome" : undefined };
    return this.#json(`/v1/streams/${encodeURIComponent(stream)}/frames`, { method: "POST", query, headers, body: jpeg, signal });
  }

  /**
   * Uploads a video (File, Blob, bytes, or in Node a stream); answers with its job. `onProgress({sent, total})` is called as it goes.
   */
  async uploadVideo(file, { name = file.name ?? "video", stream, onProgress, signal } = {}) {
    const query = { stream, name };
    if (typeof globalThis.XMLHttpRequest === "function") {
      return this.#uploadFromBrowser(this.url("/v1/videos", query, { withKey: false }), file, onProgress, signal);
    }
    const total = file.size ?? file.byteLength ?? null;
    const body = counted(file, (sent) => onProgress?.({ sent, total }));
    const headers = { "Content-Type": "application/octet-stream" };
    return this.#json("/v1/videos", { method: "POST", query, headers, body, duplex: "half", signal });
  }

  /** A browser's fetch does not tell how far it is; XMLHttpRequest does. */
  #uploadFromBrowser(url, file, onProgress, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", url);
      if (this.key) request.setRequestHeader("Authorization", `Bearer ${this.key}`);
      request.upload.onprogress = ({ loaded, total }) => onProgress?.({ sent: loaded, total });
      request.onload = () => {
        if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText));
        else reject(new PoseBusError(errorText(request.responseText, request.status), request.status));
      };
      const cut = "The upload was cut off. Is the gateway running, and is the video within its limit?";
      request.onerror = () => reject(new PoseBusError(cut));
      request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
      signal?.addEventListener("abort", () => request.abort());
      request.send(file);
    });
  }

  async jobs(options) {
    return (await this.#json("/v1/jobs", options)).jobs;
  }

  job(id, options) {
    return this.#json(`/v1/jobs/${encodeURIComponent(id)}`, options);
  }

  cancelJob(id, options) {
    return this.#json(`/v1/jobs/${encodeURIComponent(id)}`, { method: "DELETE", ...options });
  }

  /** Asks for a job until it is done, failed or cancelled; answers with its last state. */
  async finishedJob(id, { onProgress, interval = 500, signal } = {}) {
    for (;;) {
      const job = await this.job(id, { signal });
      onProgress?.(job);
      if (["completed", "failed", "cancelled"].includes(job.status)) return job;
      await sleep(interval, signal);
      if (signal?.aborted) return job;
    }
  }

  async exportFormats(options) {
    return (await this.#json("/v1/export-formats", options)).formats;
  }

  exportURL(session, format, { revision } = {}) {
    return this.url(`/v1/sessions/${encodeURIComponent(session)}/export`, { format, revision });
  }

  /** Live outcomes: an async iterator with events. See Live. */
  live(options) {
    return new Live(this, options);
  }

  /**
   * Server-sent events: {event, id, data} with data parsed. Takes up again where it was when the connection is lost, so no outcome
   * that the gateway can still give is missing.
   */
  async *events({ streams = [], lastEventID = null, signal } = {}) {
    let last = lastEventID;
    for (let attempt = 0; !signal?.aborted; attempt += 1) {
      try {
        const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
        const answer = await this.request("/v1/events", { query: streams.map((name) => ["stream", name]), headers, signal });
        for await (const event of parseEvents(answer.body, signal)) {
          attempt = 0;
          last = event.id ?? last;
          yield event;
        }
      } catch (error) {
        if (signal?.aborted) return;
        // What is refused stays refused; what does not answer may come back.
        if (error.status >= 400 && error.status < 500) throw error;
      }
      await sleep(pause(attempt), signal);
    }
  }
}

/** The gateway's own words for what it refused. */
async function refusal(answer) {
  return new PoseBusError(errorText(await answer.text().catch(() => ""), answer.status), answer.status);
}

function errorText(body, status) {
  try {
    const { error } = JSON.parse(body);
    if (error) return String(error);
  } catch {
    // Not JSON: somebody between us and the gateway answered.
  }
  return `The gateway answered with status ${status}${body ? `: ${body.slice(0, 200)}` : "."}`;
}

/** Bytes in pieces that are counted as they leave. */
async function* pieces(source, sent) {
  let total = 0;
  const stream = source instanceof Blob ? source.stream() : source;
  const whole = ArrayBuffer.isView(stream) || stream instanceof ArrayBuffer;
  if (whole) {
    const bytes = stream instanceof ArrayBuffer ? new Uint8Array(stream) : stream;
    for (let start = 0; start < bytes.byteLength; start += 1 << 16) {
      yield bytes.subarray(start, start + (1 << 16));
      sent(Math.min(bytes.byteLength, start + (1 << 16)));
    }
    return;
  }
  for await (const piece of stream) {
    yield piece;
    sent((total += piece.byteLength));
  }
}

function counted(source, sent) {
  const iterator = pieces(source, sent);
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => iterator.return(),
  });
}

/** The text/event-stream format (WHATWG HTML, 9.2.6). Ends when the signal fires. */
export async function* parseEvents(stream, signal) {
  const decoder = new TextDecoder();
  let rest = "";
  let event = {};
  const reader = stream.getReader();
  // Node 20 neither ends nor fails a read that waits while the request is aborted.
  const stop = () => reader.cancel().catch(() => {});
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      if (signal?.aborted) return;
      const { value, done } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.data !== undefined) yield { event: event.event ?? "message", id: event.id ?? null, data: JSON.parse(event.data) };
          event = {};
          continue;
        }
        const [, field, content] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (field === "data") event.data = event.data === undefined ? content : `${event.data}\n${content}`;
        else if (field === "event" || field === "id") event[field] = content;
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}
