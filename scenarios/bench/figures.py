"""What was measured against what was promised, as one table."""
import dataclasses
import statistics


@dataclasses.dataclass
class Line:
    """One promise. `value` is what is compared with `limit`; `ours` and `peer` are what people read."""
    what: str
    ours: str
    peer: str
    value: float
    limit: float
    at_least: bool = False
    unit: str = "x"

    @property
    def holds(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def cells(self):
        sign = ">=" if self.at_least else "<="
        return (self.what, self.ours, self.peer, f"{number(self.value)} {self.unit}".strip(),
                f"{sign} {number(self.limit)}", "pass" if self.holds else "FAIL")


@dataclasses.dataclass
class Note:
    """Worth knowing beside the promises: how a peer does on the same load."""
    what: str
    ours: str
    peer: str
    value: float
    unit: str = "x"

    def cells(self):
        return self.what, self.ours, self.peer, f"{number(self.value)} {self.unit}", "", ""


def table(lines):
    rows = [("", "Bellwether", "beside", "figure", "limit", ""), *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def number(value):
    """Three digits that matter."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def interleaved(sides, rounds, measure):
    """{side: [measure(side, turn), ...]}, so that what else this machine does falls on all alike."""
    taken = {side: [] for side in sides}
    for turn in range(rounds):
        # Each side is as often the first as the last.
        for side in sides if turn % 2 == 0 else reversed(sides):
            taken[side].append(measure(side, turn))
    return taken


median = statistics.median
