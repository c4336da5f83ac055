"""The results as pictures (SVG): one that shows all rows, and one for each."""

import statistics

import matplotlib

matplotlib.use("svg")
# The same file for the same numbers, with text that can be searched.
matplotlib.rcParams.update({"svg.hashsalt": "posebus", "svg.fonttype": "none", "font.size": 9})

import matplotlib.pyplot as plot  # noqa: E402

from . import rows  # noqa: E402

AHEAD, BEHIND, PEER = "#1b7f4b", "#c0392b", "#7f8c8d"


def draw(results, folder):
    overview(results.rows, folder / "overview.svg")
    for row in rows.ALL:
        one = results.rows.get(row.name, {})
        if "rounds" in one:
            contenders(row, one["rounds"], folder / f"{row.name}.svg")


def save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plot.close(figure)


def overview(measured, path):
    """How far each demand is kept: its value over its bound, turned so that right of the line is better."""
    bars = []
    for row in rows.ALL:
        for check in measured.get(row.name, {}).get("checks", []):
            if check["bound"] <= 0 or check["median"] <= 0:
                continue
            turn = (lambda value, bound: value / bound) if check["at_least"] else (lambda value, bound: bound / value)
            bars.append((
                f"{row.name}: {check['label']}", turn(check["median"], check["bound"]),
                sorted((turn(max(check["low"], 1e-9), check["bound"]), turn(max(check["high"], 1e-9), check["bound"])))))
    if not bars:
        return
    figure, axes = plot.subplots(figsize=(8, 0.28 * len(bars) + 1))
    for place, (label, value, (low, high)) in enumerate(reversed(bars)):
        axes.barh(place, value - 1, left=1, color=AHEAD if value >= 1 else BEHIND, height=0.6)
        axes.plot([low, high], [place, place], color="black", linewidth=1)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(bars)), [label for label, *_ in reversed(bars)])
    axes.set_xlabel("times as good as was wanted (median; the line is the range of the rounds)")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def contenders(row, rounds, path):
    """Every round's figure of every contender."""
    names = [name for name in row.contenders if row.figure in rounds[0][name]]
    figure, axes = plot.subplots(figsize=(6, 0.5 * len(names) + 1))
    for place, name in enumerate(reversed(names)):
        values = [round[name][row.figure] for round in rounds]
        axes.barh(place, statistics.median(values), color=AHEAD if name == names[0] else PEER, height=0.6, alpha=0.75)
        axes.plot(values, [place] * len(values), "o", color="black", markersize=3)
    axes.set_yticks(range(len(names)), list(reversed(names)))
    axes.set_xlim(left=0)
    axes.set_xlabel(row.unit)
    axes.set_title(row.title, fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
