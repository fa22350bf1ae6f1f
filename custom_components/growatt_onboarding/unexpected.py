"""Logs what nobody expected, without what it may repeat."""

import traceback

from .const import LOGGER


def log_unexpected(where: str, err: BaseException) -> None:
    """Log an exception with its traceback, but without messages: they may repeat a secret."""
    frames: list[str] = []
    behind: BaseException | None = err
    while behind is not None:
        frames = [*traceback.format_tb(behind.__traceback__), type(behind).__name__, "\n", *frames]
        behind = behind.__cause__ or behind.__context__
    LOGGER.error("Unexpected %s in %s:\n%s", type(err).__name__, where, "".join(frames))
