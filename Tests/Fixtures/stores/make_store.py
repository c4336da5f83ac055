#!/usr/bin/env python3
"""Makes a store by the programs of a release, and writes it down as SQL: what today's programs must read and go on with.

    Tests/Fixtures/stores/make_store.py FOLDER_OF_PROGRAMS > Tests/Fixtures/stores/v4.sql

A store changes its form with a migration in Sources/Store/StoreSchema.swift. Before one is added, the store of the release
that goes is written down here, by its own programs; it is never made again afterwards. The light engine's weights have to be
there (deploy/fetch-models).

In it are a stream `test` whose session has ended, eight frames with a person, and a stream `door` whose session has not: four
frames, the third of them no image.
"""

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "EndToEnd"))

import pipeline as harness  # noqa: E402
from images import jpegs  # noqa: E402


def main(programs):
    harness.BIN = Path(programs).resolve()
    with tempfile.TemporaryDirectory(prefix="pb") as folder:
        store = Path(folder) / "poses.sqlite"
        subprocess.run(
            [harness.BIN / "posebus", "up", "test:?frames=8&width=160&height=120", "--engine", "blazepose",
             "--ephemeral", "--store", store], check=True, stdout=sys.stderr, timeout=120)
        with harness.Pipeline(folder) as pipeline:
            results = pipeline.results()
            one, two, four = jpegs(3)
            for number, image in enumerate([one, two, b"no image", four]):
                pipeline.request(harness.header("door", frame=number), image)
            results.of("door", 4)
            for stage in ("ingest", "infer", "sink"):
                pipeline.kill(stage)
        connection = sqlite3.connect(store)
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        print(f"PRAGMA application_id = {application};")
        for line in connection.iterdump():
            print(line)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
