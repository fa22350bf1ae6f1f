"""Counts what work is done, so that no test has to measure time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import re
import sys
from types import CodeType
from typing import Any
import unicodedata

import pytest

PACKAGE = "/custom_components/growatt_onboarding/"
_TOOL = 4
_EVENTS = sys.monitoring.events
_COUNTED = (
    _EVENTS.PY_START,
    _EVENTS.PY_RESUME,
    _EVENTS.JUMP,
    _EVENTS.BRANCH_LEFT,
    _EVENTS.BRANCH_RIGHT,
)
_PATTERNS = ("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")


@dataclass
class Work:
    """What the package did.

    Attributes:
        steps: how often it called a function or took a turn, in a loop or at a branch.
        longest: the longest text that it ran a pattern over, or had normalized.

    """

    steps: int = 0
    longest: str = ""

    def look_at(self, text: str) -> None:
        """Take note of a text that is looked at as a whole."""
        self.longest = max(self.longest, text, key=len)


@contextmanager
def counted() -> Iterator[Work]:
    """Count the work of the package."""
    work = Work()

    def count(code: CodeType, *_: object) -> object:
        if PACKAGE not in code.co_filename:
            return sys.monitoring.DISABLE
        work.steps += 1
        return None

    sys.monitoring.use_tool_id(_TOOL, "work")
    with pytest.MonkeyPatch.context() as patched:
        for name in _PATTERNS:
            _note(patched, re, name, work)
        _note(patched, unicodedata, "normalize", work)
        for event in _COUNTED:
            sys.monitoring.register_callback(_TOOL, event, count)
        sys.monitoring.set_events(_TOOL, sum(_COUNTED))
        # Places that another test had disabled count again.
        sys.monitoring.restart_events()
        try:
            yield work
        finally:
            sys.monitoring.set_events(_TOOL, 0)
            sys.monitoring.free_tool_id(_TOOL)


def _note(patched: pytest.MonkeyPatch, module: Any, name: str, work: Work) -> None:
    """Have noted what texts the package hands to a function."""
    original = getattr(module, name)

    def noted(*args: Any, **kwargs: Any) -> Any:
        if PACKAGE in sys._getframe(1).f_code.co_filename:
            work.look_at(max(filter(lambda it: isinstance(it, str), args[1:]), key=len))
        return original(*args, **kwargs)

    patched.setattr(module, name, noted)
