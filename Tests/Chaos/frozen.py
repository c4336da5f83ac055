"""Peers that are there and do nothing."""

import random
import re
import signal
import time

from flow import Flow

# What a stage may call a peer that it does not hear any more.
NOTICE = re.compile(r"gone|silent|stuck|frozen|not heard|out of reach|unreachable|no heartbeat|stopped answering", re.I)
LIMIT = 3.0


def frozen(folder, seed, long):
    """A stage is stopped (SIGSTOP): another one says so within 3 s, and all goes on when it is continued."""
    rng = random.Random(seed)
    count = 20 if long else 3
    seen, unseen = {}, {}
    with Flow(folder, rate=30) as flow:
        stages = flow.pipeline.stages
        for number in range(count):
            name = ("infer", "sink", "ingest")[number % 3] if long else ("infer", "sink", "ingest")[number]
            before = {other: len(program.errors()) for other, program in stages.items() if other != name}
            stages[name].process.send_signal(signal.SIGSTOP)
            since = time.monotonic()
            try:
                notice = None
                while notice is None and time.monotonic() - since < LIMIT + 2:
                    for other, length in before.items():
                        for line in stages[other].errors()[length:].splitlines():
                            if NOTICE.search(line):
                                notice = (time.monotonic() - since, other)
                    time.sleep(0.05)
            finally:
                stages[name].process.send_signal(signal.SIGCONT)
            if notice is None or notice[0] > LIMIT:
                unseen[name] = unseen.get(name, 0) + 1
            else:
                seen.setdefault(name, []).append(notice[0])
            flow.until_moving()
            time.sleep(0.5 + rng.random())
        found = flow.finish()
    times = {name: f"{len(took)} seen, worst {max(took):.1f} s" for name, took in seen.items()}
    assert not unseen, f"not noticed within {LIMIT:.0f} s: {unseen}; {times}; {found}"
    return f"{count} freezes: {times}; {found}"
