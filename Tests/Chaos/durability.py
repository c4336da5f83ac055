"""What is acknowledged survives a power cut.

The real sink runs under strace, which records every write, truncation, sync, creation and removal of its files, and
every byte it sends on its acknowledgement connection, in one order. From that record the disk is rebuilt as a power
cut may leave it at many moments: what was synced is there; of what was not, any subset, in any order, a write perhaps
torn at a sector; a file whose folder was not synced perhaps not at all. Each such disk is then opened with SQLite, and
has to hold everything whose acknowledgement had been sent before.
"""

import os
import random
import re
import shutil
import sqlite3
import uuid
from pathlib import Path

from disk import parse_acknowledgements
from flow import CannotRun, Source
from pipeline import BIN, Pipeline

SECTOR = 512
CALLS = "openat,close,write,pwrite64,pwritev,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,sendto,sendmsg"


def durability(folder, seed, long):
    """Crash images of the store without its unsynced writes: everything acknowledged is in every one."""
    if not shutil.which("strace"):
        raise CannotRun("strace is not installed")
    images = 1000 if long else 60
    folder = Path(folder)
    # Neither the shared memory beside the log nor the lock is part of what SQLite recovers from.
    events = [
        event for event in record(folder, seed, frames=1500 if long else 300)
        if not (event[0] != "sent" and len(event) > 1 and event[1].endswith(("-shm", ".lock")))
    ]
    checked, unsynced = check(events, folder / "image", random.Random(seed), images)
    # The same with syncs that do nothing must be caught, or this trial shows nothing.
    try:
        careless = [event for event in events if event[0] != "sync"]
        check(careless, folder / "image", random.Random(seed), images)
    except AssertionError:
        return (f"{images} images, {unsynced} with unsynced writes, {checked} acknowledgements checked: all there; "
                "without fsync it is caught")
    raise AssertionError("the images of a sink that never syncs passed as well: this trial shows nothing")


def record(folder, seed, frames):
    """Runs the sink under strace; returns what it did to its files and acknowledged, in order."""
    trace = folder / "trace"
    store = folder / "store"
    store.mkdir()

    class Traced(Pipeline):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.store = store / "poses.sqlite"

        def start(self, stage):
            if stage != "sink":
                return super().start(stage)
            import pipeline as harness

            wrapper = folder / "bin"
            wrapper.mkdir(exist_ok=True)
            script = wrapper / "posebus-sink"
            script.write_text(
                f'#!/bin/sh\nexec strace -f -qq -xx -s 1048576 -e trace={CALLS} -e signal=none -o {trace} '
                f'{BIN}/posebus-sink "$@"\n')
            script.chmod(0o755)
            own, harness.BIN = harness.BIN, wrapper
            try:
                return super().start(stage)
            finally:
                harness.BIN = own

    with Traced(folder) as pipeline:
        # More than one stream, so that commits carry several sessions.
        sources = [Source(pipeline.at["request"], name, 200, frames=frames) for name in ("a", "b", "c")]
        for source in sources:
            source.join(300)
            source.finish()
        # strace passes on the signal and ends with its child.
        tracer = pipeline.stages["sink"].process.pid
        children = Path(f"/proc/{tracer}/task/{tracer}/children").read_text().split()
        for child in children or [tracer]:
            os.kill(int(child), 15)
        pipeline.stages["sink"].process.wait(60)
    return list(parse(trace, store))


_LINE = re.compile(r"^(\d+)\s+(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\)\s+=\s+(-?\d+|\?)", re.S)


def parse(trace, store):
    """strace's lines as events: create, remove, write, truncate, sync, folder (sync), sent."""
    names, unfinished = {}, {}
    prefix = str(store)
    for line in open(trace, encoding="ascii", errors="replace"):
        thread, text = _LINE.match(line.rstrip("\n")).groups()
        if text.endswith("<unfinished ...>"):
            unfinished[thread] = text.removesuffix("<unfinished ...>").rstrip()
            # A write may be on the disk before the call returns, and a sync is not done before.
            continue
        if text.startswith("<... "):
            text = unfinished.pop(thread, "") + text.split(" resumed>", 1)[1]
        call = _CALL.match(text)
        if call is None:
            continue
        name, arguments, result = call[1], call[2], call[3]
        if result in ("?",) or int(result) < 0:
            continue
        result = int(result)
        if name == "openat":
            path = _bytes(arguments.split('"')[1]).decode(errors="replace")
            path = str(Path(path) if path.startswith("/") else path)
            if path == prefix or path.startswith(prefix + "/"):
                names[result] = path
                if "O_CREAT" in arguments and path != prefix:
                    yield "create", path
                if "O_TRUNC" in arguments:
                    yield "truncate", path, 0
            else:
                names.pop(result, None)
        elif name == "close":
            names.pop(int(arguments.split(",")[0]), None)
        elif name in ("unlink", "unlinkat"):
            path = _bytes(arguments.split('"')[1]).decode(errors="replace")
            if path.startswith(prefix):
                yield "remove", path
        elif name in ("sendto", "write", "pwrite64", "sendmsg", "fsync", "fdatasync", "ftruncate", "pwritev", "rename"):
            descriptor = re.match(r"\d+", arguments)
            path = names.get(int(descriptor[0])) if descriptor else None
            if path is None:
                if name in ("sendto", "write", "sendmsg") and '"' in arguments:
                    data = _bytes(arguments.split('"')[1])[:result]
                    for session, following in parse_acknowledgements(data) if b"ack/" in data else ():
                        yield "sent", session, following
            elif name in ("fsync", "fdatasync"):
                yield ("folder",) if path == prefix else ("sync", path)
            elif name == "ftruncate":
                yield "truncate", path, int(arguments.split(",")[1])
            elif name == "pwrite64":
                data = _bytes(arguments.split('"')[1])[:result]
                yield "write", path, int(arguments.rsplit(",", 1)[1]), data
            elif path.endswith((".lock", "-shm")):
                continue
            else:
                raise AssertionError(f"{name} on {path}: this trial does not know how to rebuild that")


def _bytes(text):
    return bytes.fromhex(text.replace("\\x", ""))


class File:
    """A file: what is on the disk for certain, and what is not yet."""

    def __init__(self):
        self.durable = bytearray()
        self.waiting = []
        self.is_named = False  # Whether its name is on the disk for certain.

    def settle(self):
        for change in self.waiting:
            apply(self.durable, change)
        self.waiting.clear()

    def after_crash(self, rng):
        data = bytearray(self.durable)
        changes = [change for change in self.waiting if rng.random() < 0.5]
        rng.shuffle(changes)
        for change in changes:
            if change[0] == "write" and rng.random() < 0.3:
                _, at, content = change
                cut = SECTOR * rng.randrange(len(content) // SECTOR + 1)
                change = ("write", at, content[:cut]) if rng.random() < 0.5 else ("write", at + cut, content[cut:])
            apply(data, change)
        return data


def apply(data, change):
    if change[0] == "truncate":
        size = change[1]
        del data[size:]
        data.extend(bytes(size - len(data)))
    else:
        _, at, content = change
        if content:
            data.extend(bytes(max(0, at + len(content) - len(data))))
            data[at:at + len(content)] = content


def check(events, folder, rng, images):
    """Rebuilds the disk at many moments and opens each."""
    acknowledged_from = next((n for n, event in enumerate(events) if event[0] == "sent"), None)
    assert acknowledged_from is not None, "no acknowledgement was recorded"
    moments = sorted(rng.choices(range(acknowledged_from + 1, len(events)), k=images))
    files, gone, acknowledged = {}, {}, {}
    checked = with_losses = 0
    following = iter(moments)
    moment = next(following)
    for number, event in enumerate(events):
        while moment == number:
            with_losses += sum(len(file.waiting) for file in files.values()) > 0
            open_image(files, acknowledged, folder, rng, f"image at event {number}")
            checked += len(acknowledged)
            moment = next(following, None)
        kind = event[0]
        if kind == "sent":
            acknowledged[event[1]] = max(acknowledged.get(event[1], 0), event[2])
        elif kind == "folder":
            for file in files.values():
                file.is_named = True
            gone.clear()
        elif kind == "create":
            files.setdefault(event[1], File())
        elif kind == "remove":
            files.pop(event[1], None)
        else:
            file = files.setdefault(event[1], File())
            if kind == "sync":
                file.settle()
            elif kind == "truncate":
                file.waiting.append(("truncate", event[2]))
            else:
                file.waiting.append(("write", event[2], event[3]))
    return checked, with_losses


def open_image(files, acknowledged, folder, rng, what):
    """Writes one image and checks what SQLite recovers from it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, file in files.items():
        if not file.is_named and rng.random() < 0.5:
            continue
        (folder / Path(path).name).write_bytes(file.after_crash(rng))
    name = next(Path(path).name for path in files if path.endswith(".sqlite"))
    assert (folder / name).exists(), f"{what}: the store's name was never synced to its folder"
    try:
        with sqlite3.connect(folder / name) as store:
            problem = store.execute("PRAGMA integrity_check").fetchone()[0]
            assert problem == "ok", f"{what}: {problem}"
            stored = {
                str(uuid.UUID(bytes=session)): (marked, count)
                for session, marked, count in store.execute(
                    "SELECT s.uuid, s.next_sequence, count(o.sequence) FROM sessions s"
                    " LEFT JOIN outcomes o ON o.session = s.id GROUP BY s.id")
            }
    except sqlite3.DatabaseError as error:
        raise AssertionError(f"{what}: {error}") from error
    for session, following in acknowledged.items():
        marked, count = stored.get(session, (0, 0))
        assert marked >= following, f"{what}: {following} acknowledged, the store's mark is {marked}"
        assert count == marked, f"{what}: {count} outcomes for a mark of {marked}"


