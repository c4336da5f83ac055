/** Types of the PoseBus gateway client. Pixels are of the upright frame, origin top left; metres have x right, y down, z forward. */

export interface Drop {
  stage: string;
  /** corrupt_jpeg, unsupported, too_large, shed, expired, inference_failed */
  reason: string;
}

/** A body's parameters as the engine gives them. */
export interface SMPLParameters {
  betas: number[];
  /** 23 rotations of 3 × 3 */
  body_pose: number[][][];
  global_orient: number[][] | number[][][];
}

export interface Person {
  /** The same number for the same person from frame to frame. */
  track_id: number;
  score: number;
  /** x, y, width, height in pixels */
  bbox: [number, number, number, number];
  /** False for who is predicted and not seen. */
  observed: boolean;
  state?: "tentative" | "confirmed" | "predicted";
  /** x, y in pixels, score */
  keypoints_2d: [number, number, number][];
  /** Metres in the body's own frame; camera_translation moves them before the camera. */
  keypoints_3d: [number, number, number][];
  camera_translation?: [number, number, number];
  /** Pixels. */
  focal_length?: number;
  smpl?: SMPLParameters;
  [key: string]: unknown;
}

/** What became of one frame: persons, or a drop with its reason. */
export interface Outcome {
  v: number;
  stream: string;
  session: string;
  sequence: number;
  camera_frame: number | null;
  /** Unix time. Larger than what a double holds to the nanosecond: exact to about 0.2 µs. */
  capture_time_ns: number;
  width: number;
  height: number;
  engine: string;
  skeleton: "blazepose33" | "smpl44" | string;
  drop: Drop | null;
  persons: Person[];
  timing_ms: { ingest?: number; queue?: number; infer?: number; sink?: number; total?: number };
  /** The frame's trace (W3C Trace Context), 32 hexadecimal digits; null for what an older release stored. */
  trace_id?: string | null;
  [key: string]: unknown;
}

export interface Mesh {
  track_id: number;
  /** 3 · V numbers: metres in the camera's frame. */
  vertices: Float32Array;
}

export interface Body {
  vertexCount: number;
  /** 3 · T indices. */
  faces: Uint32Array;
}

export interface LiveOutcome {
  outcome: Outcome;
  /** The JPEG of exactly that frame; null where none was asked for or none is there. */
  jpeg: Uint8Array | null;
  meshes: Mesh[];
}

export interface Stream {
  stream: string;
  live: boolean;
  session: string;
  frames_per_second: number;
  latency_ms: number;
  last_sequence: number;
  last_capture_time_ns: number;
  poses: number;
  drops: number;
}

export interface StageStatus {
  /** off: nobody expects it, because the gateway serves recordings only. */
  state: "up" | "down" | "off";
  since_ns: number;
  endpoint: string;
  /** What is wrong and what to do, in words; empty while it is up. */
  detail: string;
}

export interface Status {
  version: string;
  engine: string | null;
  device: string | null;
  time_ns: number;
  stages: { ingest: StageStatus; infer: StageStatus; sink: StageStatus };
  streams: Stream[];
  viewers: number;
  jobs: { queued: number; processing: number };
}

export interface Session {
  stream: string;
  session: string;
  first: number;
  next: number;
  poses: number;
  drops: number;
  began_ns: number;
  /** Null while it goes on. */
  ended_ns: number | null;
  frames: number | null;
  kept_frames: number;
  width: number;
  height: number;
  engine: string;
  skeleton: string;
  revisions: { number: number; made_ns: number }[];
}

export interface OutcomePage {
  outcomes: Outcome[];
  next: number;
  ended: boolean;
}

export interface Timeline {
  first: number;
  next: number;
  capture_time_ns: number[];
  persons: number[];
  /** sequence, stage, reason */
  drops: [number, string, string][];
  /** First and last sequence of each stretch of kept frames. */
  kept: [number, number][];
}

export interface Job {
  job_id: string;
  stream: string;
  session: string | null;
  status: "queued" | "processing" | "completed" | "failed" | "cancelled";
  queue_position: number | null;
  progress: { frames: number; total: number | null };
  /** Unix seconds. */
  queued_at: number | null;
  started_at: number | null;
  completed_at: number | null;
  error: string | null;
  source: string;
}

export interface ExportFormat {
  name: string;
  media_type: string;
  extension: string;
  /** Bodies in the recording, the body model at the gateway, kept frames. */
  needs: ("smpl" | "body" | "frames")[];
  summary: string;
}

export interface SessionMessage {
  type: "session";
  event: "begin" | "end";
  stream: string;
  session: string;
  frames: number | null;
  poses: number;
  drops: number;
  complete: boolean;
}

export interface SkippedMessage {
  type: "skipped";
  stream: string;
  count: number;
}

export type LiveState = "connecting" | "open" | "waiting" | "closed";

export interface LiveEvents {
  outcome: LiveOutcome;
  session: SessionMessage;
  status: Status & { type: "status" };
  skipped: SkippedMessage;
  hello: { type: "hello"; v: number };
  state: LiveState;
  error: Error;
}

export interface ServerEvent {
  event: "outcome" | "session" | "status" | string;
  id: string | null;
  data: unknown;
}

type Signalled = { signal?: AbortSignal };
/** "original" (the default), "latest", or a refinement's number. */
type Revision = "original" | "latest" | number | `${number}`;

/** What the gateway refused or could not do, in its own words. */
export class PoseBusError extends Error {
  constructor(message: string, status?: number, options?: { cause?: unknown });
  /** HTTP's; 0 where nothing answered. */
  status: number;
}

export interface LiveOptions extends Signalled {
  /** All streams where none is named. */
  streams?: string[];
  frames?: boolean;
  meshes?: boolean;
  /** Outcomes an iterator may leave waiting before the oldest are left out. */
  capacity?: number;
}

export class Live implements AsyncIterable<LiveOutcome> {
  readonly state: LiveState;
  capacity: number;
  /** Calls the handler at every such event; returns a function that ends that. */
  on<E extends keyof LiveEvents>(event: E, handler: (value: LiveEvents[E]) => void): () => void;
  subscribe(...streams: string[]): void;
  unsubscribe(...streams: string[]): void;
  want(options: { frames?: boolean; meshes?: boolean }): void;
  close(): void;
  [Symbol.asyncIterator](): AsyncGenerator<LiveOutcome, void, void>;
}

export class PoseBus {
  /** In a browser the page's own gateway is the default. */
  constructor(baseURL?: string | URL, options?: { key?: string | null; fetch?: typeof globalThis.fetch });
  readonly baseURL: string;
  key: string | null;
  url(path: string, query?: Record<string, unknown> | [string, unknown][], options?: { withKey?: boolean }): string;
  request(path: string, options?: RequestOptions): Promise<Response>;
  status(options?: Signalled): Promise<Status>;
  streams(options?: Signalled): Promise<Stream[]>;
  sessions(options?: { stream?: string; limit?: number } & Signalled): Promise<Session[]>;
  session(session: string, options?: Signalled): Promise<Session>;
  outcomePage(session: string, options?: { from?: number; to?: number; revision?: Revision; limit?: number } & Signalled): Promise<OutcomePage>;
  outcomes(session: string, options?: { from?: number; to?: number; revision?: Revision; pageSize?: number; follow?: boolean } & Signalled): AsyncGenerator<Outcome, void, void>;
  timeline(session: string, options?: { revision?: Revision } & Signalled): Promise<Timeline>;
  frameURL(session: string, sequence: number): string;
  frame(session: string, sequence: number, options?: Signalled): Promise<Uint8Array | null>;
  meshes(session: string, sequence: number, options?: { revision?: Revision } & Signalled): Promise<Mesh[]>;
  body(options?: Signalled): Promise<Body | null>;
  postFrame(stream: string, jpeg: BodyInit, options: PostFrameOptions & { wait: true }): Promise<Outcome>;
  postFrame(stream: string, jpeg: BodyInit, options?: PostFrameOptions & { wait?: false }): Promise<{ stream: string; frame: number }>;
  uploadVideo(file: Blob | Uint8Array | ArrayBuffer | AsyncIterable<Uint8Array>, options?: UploadOptions): Promise<Job>;
  jobs(options?: Signalled): Promise<Job[]>;
  job(id: string, options?: Signalled): Promise<Job>;
  cancelJob(id: string, options?: Signalled): Promise<Job>;
  finishedJob(id: string, options?: { onProgress?: (job: Job) => void; interval?: number } & Signalled): Promise<Job>;
  exportFormats(options?: Signalled): Promise<ExportFormat[]>;
  exportURL(session: string, format: string, options?: { revision?: Revision }): string;
  live(options?: LiveOptions): Live;
  events(options?: { streams?: string[]; lastEventID?: string | null } & Signalled): AsyncGenerator<ServerEvent, void, void>;
}

export interface RequestOptions extends Signalled {
  query?: Record<string, unknown> | [string, unknown][];
  method?: string;
  headers?: Record<string, string>;
  body?: BodyInit;
  duplex?: "half";
}

export interface PostFrameOptions extends Signalled {
  /** Unix nanoseconds; a bigint or string keeps them all. */
  captureTime?: number | bigint | string;
  delivery?: "live" | "lossless";
  end?: boolean;
  still?: boolean;
  /** Where the frame belongs in a trace of yours, as W3C Trace Context writes it. */
  traceparent?: string;
}

export interface UploadOptions extends Signalled {
  name?: string;
  stream?: string;
  onProgress?: (progress: { sent: number; total: number | null }) => void;
}

/** Reads one binary message of /v1/live. */
export function decodeLiveMessage(buffer: ArrayBuffer | Uint8Array): LiveOutcome;
/** Reads a mesh block. */
export function decodeMeshes(bytes: Uint8Array): Mesh[];
/** Reads text/event-stream. */
export function parseEvents(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<ServerEvent, void, void>;
