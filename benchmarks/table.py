"""The table: one row per number, the ratio to what users have today first."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
from typing import Final

BEGIN: Final = "<!-- table: written by scripts/benchmark --write -->"
END: Final = "<!-- end of the table -->"
_HEAD: Final = ("beside today", "what", "this integration", "today", "goal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured thing.

    Attributes:
        group: the measurement that it belongs to.
        what: what was measured.
        ours: what this integration needs, with its unit.
        theirs: what stands beside it, with its unit and name; empty where nothing does.
        ratio: ours divided by theirs; None where that says nothing.
        goal: what was asked for, empty for nothing.
        met: whether that holds.

    """

    group: str
    what: str
    ours: str
    theirs: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def send(rows: Iterable[Row]) -> None:
    """Hand the rows of a measurement, which has a process of its own, to who started it."""
    for row in rows:
        sys.stdout.write(f"{json.dumps(asdict(row))}\n")


def receive(output: str) -> list[Row]:
    """Return the rows that a measurement has sent."""
    return [Row(**json.loads(line)) for line in output.splitlines() if line.startswith("{")]


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the table as Markdown, each group under its own head."""
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            yield from ("", f"### {group}", "", _line(*_HEAD), _line(*["---"] * len(_HEAD)))
        yield _line(_ratio(row.ratio), row.what, row.ours, row.theirs, _goal(row))


def write(path: Path, text: str) -> None:
    """Replace what stands between the markers of a file; groups not measured now stay."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    groups = _groups(old) | _groups(text)
    parts = [groups.pop("", "").strip()]
    parts += [f"### {name}\n\n{body.strip()}" for name, body in groups.items()]
    merged = "\n\n".join(parts)
    path.write_text(f"{before}{BEGIN}\n{merged}\n{END}{after}", encoding="utf-8")


def _groups(text: str) -> dict[str, str]:
    """Return the parts of a table by their heads; what stands before the first has none."""
    first, *rest = f"\n{text}".split("\n### ")
    found = {"": first}
    for part in rest:
        name, _, body = part.partition("\n")
        found[name] = body
    return found


def quotient(ours: float, theirs: float) -> float | None:
    """Return a ratio, None where there is nothing to divide by."""
    return ours / theirs if theirs else None


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"**{ratio:.3g}**" if ratio < 1000 else f"**{ratio:.0f}**"


def _goal(row: Row) -> str:
    verdict = {True: " (met)", False: " (**missed**)", None: ""}[row.met]
    return f"{row.goal}{verdict}"
