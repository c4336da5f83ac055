"""What was measured: kept as JSON, shown as a table."""

import json
import statistics

from . import rows


def number(value):
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(values):
    """Median and range."""
    return f"{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})"


class Results:
    """The rows of results.json, by name. Measuring one leaves the others as they are."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "results.json"
        self.rows = json.loads(self.file.read_text()) if self.file.exists() else {}

    def measured(self, row, rounds, commands, machine):
        self.rows[row.name] = {
            "machine": machine, "commands": commands, "rounds": rounds, "checks": row.judge(rounds)}
        self.write()

    def not_measured(self, row, reason):
        """Leaves an earlier measurement alone."""
        if "rounds" not in self.rows.get(row.name, {}):
            self.rows[row.name] = {"not_measured": reason}
            self.write()

    def write(self):
        self.folder.mkdir(exist_ok=True)
        known = [row.name for row in rows.ALL]
        self.rows = {name: self.rows[name] for name in known if name in self.rows}
        self.file.write_text(json.dumps(self.rows, indent=1, ensure_ascii=False) + "\n")
        (self.folder / "table.md").write_text(table(self.rows))


def table(measured):
    """The rows as Markdown: the table of docs/performance.md."""
    lines = [
        "| | what | PoseBus | against | wanted | measured |",
        "|---|---|---|---|---|---|"]
    for row in rows.ALL:
        one = measured.get(row.name, {"not_measured": "not run yet"})
        if "rounds" not in one:
            wanted = "<br>".join(f"{check.label} {bound(check.at_least, check.bound, check.unit)}" for check in row.checks)
            lines.append(f"| – | {row.title} | | {row.against} | {wanted} | not measured: {one['not_measured']} |")
            continue
        figures = {
            name: spread([round[name][row.figure] for round in one["rounds"]])
            for name in row.contenders if row.figure in one["rounds"][0][name]}
        (ours, value), *others = figures.items()
        mark = "✓" if all(check["met"] for check in one["checks"]) else "✗"
        lines.append(
            f"| {mark} | {row.title} | {value} {row.unit} | {row.against}"
            + "".join(f"<br>{name}: {text}" for name, text in others) + " | "
            + "<br>".join(f"{check['label']} {bound(check['at_least'], check['bound'], check['unit'])}" for check in one["checks"])
            + " | "
            + "<br>".join(
                f"{'' if check['met'] else '**'}{number(check['median'])}{'' if check['met'] else '**'} "
                f"({number(check['low'])}–{number(check['high'])}) {check['unit']}" for check in one["checks"]) + " |")
    return "\n".join(lines) + "\n"


def bound(at_least, value, unit):
    return f"{'≥' if at_least else '≤'} {value:g} {unit}".strip()
