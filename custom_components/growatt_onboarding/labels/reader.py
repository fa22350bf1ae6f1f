"""Reads the serial numbers of the labels in a picture. Blocks: for the executor only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from . import Labels, PictureError
from .codes import serials_in_code
from .picture import open_picture
from .scan import Kind, Reading, Scan

# Passes that have to agree about a code without check digit, and lines about any other: of the
# nonsense that noise says, one in a hundred has the right check digit.
_PASSES: Final = 2
_LINES: Final = 2
# Codes that are no farther from level with the first of a row than this share of the picture's
# height stand in this row.
_ROW: Final = 0.06


@dataclass
class _Candidate:
    """A number, and where it was read."""

    number: str
    certain: bool = False
    seen: list[Reading] = field(default_factory=list)

    @property
    def confirmed(self) -> bool:
        """Whether it was read often enough not to be an accident."""
        checked = [reading for reading in self.seen if reading.kind is not Kind.CODE39]
        return (
            any(reading.kind is Kind.QR_CODE for reading in checked)
            or sum(reading.lines for reading in checked) >= _LINES
            or len({reading.how for reading in self.seen}) >= _PASSES
        )

    def is_at_place_of(self, other: _Candidate) -> bool:
        """Return whether any reading is of the same bars as one of another number."""
        return any(_same_place(mine, theirs) for mine in self.seen for theirs in other.seen)


def read_labels(source: Path | bytes) -> Labels:
    """Return the serial numbers that the bar and QR codes in a picture hold, in reading order.

    Raises PictureError.
    """
    picture = open_picture(source)
    scan = Scan(picture)
    found = scan.readings()
    for candidate in _candidates(found):
        if not candidate.confirmed:
            found += scan.second_look(candidate.seen[0])
    candidates = _candidates(found)
    if not candidates:
        raise PictureError("picture_without_codes")
    labels = Labels([], [])
    for candidate in _in_reading_order(candidates, picture.height * _ROW):
        rivals = (
            other
            for other in candidates
            if other is not candidate and other.confirmed and candidate.is_at_place_of(other)
        )
        chosen = candidate.certain and candidate.confirmed and not any(rivals)
        (labels.numbers if chosen else labels.doubtful).append(candidate.number)
    return labels


def _candidates(found: Iterable[Reading]) -> list[_Candidate]:
    """Return every number that was read, with all that speaks for it."""
    candidates: dict[str, _Candidate] = {}
    for reading in found:
        numbers = serials_in_code(reading.text)
        for number in (*numbers.certain, *numbers.doubtful):
            candidate = candidates.setdefault(number, _Candidate(number))
            candidate.certain |= number in numbers.certain
            candidate.seen.append(reading)
    return list(candidates.values())


def _same_place(one: Reading, other: Reading) -> bool:
    """Return whether two readings of different texts are of the same code."""
    if one.text == other.text:
        return False  # a QR code with several numbers
    apart = abs(complex(one.x - other.x, one.y - other.y))
    return apart < max(one.radius, other.radius) / 2


def _in_reading_order(candidates: Iterable[_Candidate], height: float) -> list[_Candidate]:
    """Return the candidates row by row, from the left."""
    rows: list[list[_Candidate]] = []
    for candidate in sorted(candidates, key=lambda each: each.seen[0].y):
        if not rows or candidate.seen[0].y - rows[-1][0].seen[0].y > height:
            rows.append([])
        rows[-1].append(candidate)
    return [each for row in rows for each in sorted(row, key=lambda each: each.seen[0].x)]
