"""kill −9."""

import random
import time

from flow import Flow, spool_options


def kills(folder, seed, long):
    """Stages killed in turn while four confirming feeders feed: nothing lost, doubled or out of order."""
    rng = random.Random(seed)
    count, seconds = (150, 600) if long else (6, 18)
    spool = spool_options(folder)
    stages = ["infer", "sink"] + (["ingest"] if spool else [])
    done = dict.fromkeys(stages, 0)
    order = (stages * count)[:count]
    rng.shuffle(order)
    began = time.monotonic()
    with Flow(folder, rate=50, ingest=spool) as flow:
        for number in range(count):
            due = began + (number + rng.random()) * seconds / count
            time.sleep(max(0.0, due - time.monotonic()))
            stage = order[number]
            flow.pipeline.kill(stage)
            time.sleep(rng.choice([0, 0, 0.1, 0.5, 1.5]))
            flow.pipeline.start(stage)
            done[stage] += 1
            assert time.monotonic() - began < 2 * seconds + 120, f"only {number} kills"
        recovery = flow.until_moving()
        took = time.monotonic() - began
        found = flow.finish()
    without = "" if spool else "; ingest was not killed: this one has no --spool"
    return f"{done} kills in {took:.0f} s, {found}, flowing again {recovery:.1f} s after the last{without}"
