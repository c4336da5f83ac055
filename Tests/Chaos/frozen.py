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


def stuck(folder, seed, long):
    """A thread of infer never comes back: its own watchdog says so within 3 s, and all goes on once it is restarted."""
    rng = random.Random(seed)
    count = 20 if long else 2
    took = []
    with Flow(folder, rate=30) as flow:
        for number in range(count):
            frame = max(len(outcomes) for outcomes in flow.watcher.outcomes.values()) + rng.randrange(60, 90)
            flow.pipeline.kill("infer")
            flow.pipeline.options["infer"] = [
                "--inject-fault", f"hang@{frame}", "--stuck", "exit", "--engine-patience-seconds", "1"]
            infer = flow.pipeline.start("infer")
            # The file that a restarted stage writes to is a new one.
            end = time.monotonic() + 60
            while "thread engine has not moved" not in infer.errors():
                assert time.monotonic() < end, f"the engine that hangs at frame {frame} is not reported"
                time.sleep(0.02)
            # Nothing came any more from about when it got stuck.
            took.append(time.monotonic() - max(flow.watcher.latest_at.values()))
            if number == 0:
                # It ends by itself; to save time the later ones are killed.
                assert infer.process.wait(30) == 70
        flow.pipeline.options["infer"] = []
        flow.pipeline.kill("infer")
        flow.pipeline.start("infer")
        recovery = flow.until_moving()
        found = flow.finish()
    late = [round(seconds, 1) for seconds in took if seconds > LIMIT]
    assert not late, f"reported after {late} s"
    return f"{count} stuck threads reported, worst {max(took):.1f} s; flowing again after {recovery:.1f} s; {found}"
