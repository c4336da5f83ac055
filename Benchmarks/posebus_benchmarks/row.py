"""What is measured: rows, the contenders of a row, and the bounds it has to keep."""

import dataclasses
import statistics
from collections.abc import Callable

Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Check:
    """One demand of a row: a number made of one round's figures, and its bound.

    `value` gets the figures of each contender in one round, by the contender's name. Contenders run one after another in each
    round, so a busy minute falls on all of them and a ratio within a round holds where absolute figures do not.
    """

    label: str
    value: Callable[[dict[str, Figures]], float]
    bound: float
    at_least: bool
    unit: str = "×"

    def met(self, value):
        return value >= self.bound if self.at_least else value <= self.bound


def ratio(figure, ours, theirs, bound, label=None, at_least=True):
    """The demand that a figure of ours is so many times the peer's."""
    return Check(label or f"{ours} / {theirs}", lambda round: round[ours][figure] / round[theirs][figure], bound, at_least)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: contenders that do the same work, measured in turn."""

    name: str
    title: str
    against: str
    # Each runs once a round and returns its figures. The first is PoseBus.
    contenders: dict[str, Callable]
    checks: list[Check]
    # The figure that is printed and plotted, and its unit.
    figure: str
    unit: str
    # Says why the row cannot be measured here, or None.
    obstacle: Callable = lambda bench: None
    # Fetches and builds what the contenders need, outside the measured time.
    prepare: Callable = lambda bench: None
    cuda: bool = False
    # What a reader has to know about how the two are compared.
    note: str = ""

    def judge(self, rounds):
        """Each check's median and range over the rounds."""
        judged = []
        for check in self.checks:
            values = [check.value(round) for round in rounds]
            median = statistics.median(values)
            judged.append({
                "label": check.label, "median": median, "low": min(values), "high": max(values), "bound": check.bound,
                "at_least": check.at_least, "unit": check.unit, "met": check.met(median)})
        return judged
