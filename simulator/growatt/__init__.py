"""Growatt's ShineServer OpenAPI as a simulated cloud."""

from .cloud import GrowattCloud
from .state import END_USER_TOKEN, INSTALLER_TOKEN

__all__ = ["END_USER_TOKEN", "INSTALLER_TOKEN", "GrowattCloud"]
