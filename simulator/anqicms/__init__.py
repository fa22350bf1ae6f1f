"""AnQiCMS as a simulated installation."""

from .cloud import AnqicmsCloud

__all__ = ["AnqicmsCloud"]
