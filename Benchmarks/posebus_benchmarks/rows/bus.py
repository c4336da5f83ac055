"""The bus alone: what sequence numbers, windows, acknowledgements and the store cost above two hops of libzmq."""

from ..row import Check, Row, ratio

STREAMS = 4


def bus(bench, *arguments):
    return bench.json([bench.program("posebus"), "bench", "bus", "--json", "--streams", STREAMS, *arguments])


def raw(bench, *arguments):
    return bench.json([bench.raw("raw-hops"), "--hops", 2, "--streams", STREAMS, "--seconds", bench.seconds, *arguments])


THROUGHPUT = Row(
    name="bus-throughput",
    title="bus: frames/s, 100 kB, two hops, four streams, store on",
    against="two raw libzmq hops in C",
    contenders={
        "PoseBus": lambda bench: bus(bench, "--bytes", 100_000, "--seconds", int(bench.seconds)),
        "raw hops": lambda bench: raw(bench, "--bytes", 100_000),
    },
    checks=[ratio("frames_per_second", "PoseBus", "raw hops", 0.7)],
    figure="frames_per_second", unit="frames/s",
    note="The JPEG goes camera → ingest → infer; the outcome goes on to the sink, its store and a subscriber.")

LATENCY = Row(
    name="bus-latency",
    title="bus: added latency, 4 × 30 frames/s of 200 kB",
    against="two raw libzmq hops in C",
    contenders={
        "PoseBus": lambda bench: bus(bench, "--bytes", 200_000, "--rate", 30, "--seconds", int(bench.seconds)),
        "raw hops": lambda bench: raw(bench, "--bytes", 200_000, "--rate", 30),
    },
    checks=[
        Check("p50", lambda round: round["PoseBus"]["p50_ms"] - round["raw hops"]["p50_ms"], 0.5, False, "ms"),
        Check("p99", lambda round: round["PoseBus"]["p99_ms"] - round["raw hops"]["p99_ms"], 2, False, "ms"),
    ],
    figure="p50_ms", unit="ms (p50)",
    note="PoseBus's latency ends with the outcome at a subscriber, after it is durable in the store.")

ROWS = [THROUGHPUT, LATENCY]
