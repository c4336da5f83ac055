// Compiled, never run: the types let through what is right and refuse what is wrong.

import { PoseBus, PoseBusError, decodeLiveMessage, type Outcome } from "../posebus.js";

export async function uses(bus: PoseBus): Promise<number> {
  const live = bus.live({ streams: ["cam"], frames: true });
  const stop = live.on("skipped", ({ count }) => count.toFixed());
  stop();
  for await (const { outcome, jpeg, meshes } of live) {
    const size: number = jpeg === null ? 0 : jpeg.byteLength;
    const reason: string | undefined = outcome.drop?.reason;
    return size + meshes.length + (reason?.length ?? 0);
  }
  const waited: Outcome = await bus.postFrame("cam", new Uint8Array(), { wait: true });
  const trace: string | null | undefined = waited.trace_id;
  const sent: { frame: number } = await bus.postFrame("cam", new Uint8Array(), { traceparent: "00-" });
  for await (const one of bus.outcomes("s", { revision: "latest" })) waited.persons.push(...one.persons);
  const [first] = (await bus.timeline("s")).drops;
  const { faces } = (await bus.body()) ?? { faces: new Uint32Array() };
  return (trace?.length ?? 0) + sent.frame + first[0] + faces.length + decodeLiveMessage(new ArrayBuffer(8)).meshes.length;
}

export function wrong(bus: PoseBus): void {
  // @ts-expect-error an event that does not exist
  bus.live().on("outcomes", () => {});
  // @ts-expect-error a session is a string
  void bus.timeline(7);
  // @ts-expect-error a mesh has no normals
  void bus.meshes("s", 1).then(([mesh]) => mesh.normals);
  const error: PoseBusError = new PoseBusError("no", 404);
  // @ts-expect-error a status is a number
  error.status = "404";
}
