"""What a script prints while it goes along: plain text for 80 columns, without colors."""

from collections.abc import Iterable, Sequence
import sys
import textwrap
import time

WIDTH = 80


class Story:
    """Numbered steps, remarks below them, and tables."""

    def __init__(self) -> None:
        """Start at the first step."""
        self._step = 0
        self._began = time.monotonic()

    def step(self, text: str) -> None:
        """Tell what is done next."""
        self._step += 1
        self._print(text, f"{self._step:2}. ")

    def note(self, text: str) -> None:
        """Tell what came of it."""
        self._print(text, "    ")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show rows below their heads."""
        lines = [tuple(heads), *(tuple(row) for row in rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self._print_line(("    " + "  ".join(cells)).rstrip())

    def end(self, text: str) -> None:
        """Tell how it ended and how long it took."""
        self._print_line(f"{text} ({time.monotonic() - self._began:.0f} s)")

    def _print(self, text: str, indent: str) -> None:
        for line in textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent="    "):
            self._print_line(line)

    @staticmethod
    def _print_line(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
