"""The table of a proof: situations, what came of each, and whether that is as promised."""

from collections.abc import Iterable
import sys

from tests.e2e.story import Story

type Row = tuple[str, str, bool]
"""A situation, its outcome, and whether the outcome is as promised."""


def show(story: Story, rows: Iterable[Row]) -> int:
    """Print the table and how it ended; return the exit code."""
    rows = list(rows)
    story.table(
        ("situation", "outcome", ""),
        [
            (situation, outcome, "holds" if holds else "FAILED")
            for situation, outcome, holds in rows
        ],
    )
    failed = sum(not holds for _, _, holds in rows)
    story.end(f"{failed} of {len(rows)} do not hold." if failed else f"All {len(rows)} hold.")
    return 1 if failed else 0


def chosen(situation: str) -> bool:
    """Say whether a situation is meant: all are, or those that contain one of the arguments."""
    words = sys.argv[1:]
    return not words or any(word in situation for word in words)
