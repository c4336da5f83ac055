"""Measures rows in alternating rounds; writes results.json, the table and the plots."""

import argparse
import os
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

from . import plots, results, rows
from .bench import ROOT, Bench, Failed, Unavailable


def machine(bench):
    """The machine as a reader wants to know it."""
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.processor())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB"
    return f"{words}, {bench.cuda_device}" if bench.cuda_device else words


def measure(row, bench, count):
    """The row's figures, round by round."""
    bench.commands = []
    row.prepare(bench)
    rounds = []
    for number in range(count):
        figures = {}
        # Every other round the other way round, so that no contender always comes after the same neighbour.
        order = list(row.contenders.items())
        for name, contender in order if number % 2 == 0 else reversed(order):
            figures[name] = contender(bench)
        rounds.append({name: figures[name] for name in row.contenders})
        print(f"    round {number + 1} of {count}: " + ", ".join(
            f"{name} {one[row.figure]:.4g} {row.unit}" for name, one in rounds[-1].items() if row.figure in one), file=sys.stderr)
    return rounds


def interpreter(text):
    peer, mark, path = text.partition("=")
    if not (peer and mark and Path(path).exists()):
        raise argparse.ArgumentTypeError(f"{text}: PEER=INTERPRETER is expected, such as hmr2-cuda=/usr/bin/python3")
    return peer, path


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="how long a contender that runs for a time is measured")
    parser.add_argument("--bin", type=lambda text: Path(text) if text else None)
    parser.add_argument("--clips", default=os.environ.get("POSEBUS_CLIPS") or ROOT.parent / "shared" / "clips", type=Path)
    parser.add_argument("--torch", type=Path)
    parser.add_argument("--hmr2-dir", type=Path)
    parser.add_argument("--only-cuda", action="store_true")
    parser.add_argument("--dry-run", action="store_true",
                        help="tries the rows that want a GPU on the processor with a small model; keeps no figures")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER", type=interpreter,
                        help="one that has what the peer needs already, instead of a virtual environment")
    parser.add_argument("--results", default=Path(__file__).resolve().parents[1] / "results", type=Path)
    options = parser.parse_args()
    if options.list:
        for row in rows.ALL:
            print(f"{row.name:24}{row.title}, against {row.against}")
        return 0
    unknown = set(options.rows) - {row.name for row in rows.ALL}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; --list names them")
    chosen = [row for row in rows.ALL if (not options.rows or row.name in options.rows) and (row.cuda or not options.only_cuda)]
    if options.dry_run:
        options.results = Path(tempfile.mkdtemp(prefix="posebus-dry-run-"))
    store = results.Results(options.results)
    failed = False
    with tempfile.TemporaryDirectory(prefix="posebus-benchmarks-") as work:
        bench = Bench(options, work)
        here = machine(bench)
        print(f"==> {here}", file=sys.stderr)
        for number, row in enumerate(chosen, 1):
            print(f"==> {number} of {len(chosen)}: {row.title}, against {row.against}", file=sys.stderr)
            start = time.monotonic()
            try:
                obstacle = row.obstacle(bench)
                if obstacle:
                    raise Unavailable(obstacle)
                rounds = measure(row, bench, options.rounds)
            except Unavailable as reason:
                print(f"    not measured: {reason}", file=sys.stderr)
                store.not_measured(row, str(reason))
                continue
            except Exception as reason:  # noqa: BLE001 - one row that fails must not take the others with it
                print(f"    failed: {reason}" if isinstance(reason, Failed) else traceback.format_exc(), file=sys.stderr)
                failed = True
                continue
            store.measured(row, rounds, bench.commands, here)
            for one in store.rows[row.name]["checks"]:
                print(
                    f"    {one['label']}: {one['median']:.3g} {one['unit']} ({one['low']:.3g}–{one['high']:.3g}), wanted "
                    f"{'≥' if one['at_least'] else '≤'} {one['bound']:g}: {'met' if one['met'] else 'NOT MET'}", file=sys.stderr)
            print(f"    after {time.monotonic() - start:.0f} s", file=sys.stderr)
    store.write()
    plots.draw(store, options.results)
    print(f"{options.results}/table.md")
    return 1 if failed else 0


sys.exit(main())
