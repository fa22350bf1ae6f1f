"""A local stand-in for the clouds that Growatt Onboarding talks to.

Start it with `python -m simulator`, or in a test:

    async with Simulator() as simulator:
        ...  # simulator.url

It follows the vendors' published pages and listens on the loopback interface only.
"""

from .calls import RecordedCall
from .faults import FaultKind
from .growatt import END_USER_TOKEN, INSTALLER_TOKEN
from .server import Simulator

__all__ = ["END_USER_TOKEN", "INSTALLER_TOKEN", "FaultKind", "RecordedCall", "Simulator"]
