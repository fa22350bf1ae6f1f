"""Which clouds the simulator holds."""

from collections.abc import Iterator

from .anqicms import AnqicmsCloud
from .cloud import Cloud
from .growatt import GrowattCloud
from .quectel import QuectelCloud
from .shopxo import ShopxoCloud
from .simulation import Simulation


class Clouds:
    """One cloud of each kind; a new kind is one more line in `__init__`."""

    def __init__(self, simulation: Simulation) -> None:
        self.growatt = GrowattCloud(simulation)
        self.quectel = QuectelCloud(simulation)
        self.shopxo = ShopxoCloud(simulation)
        self.anqicms = AnqicmsCloud(simulation)

    def __iter__(self) -> Iterator[Cloud]:
        """Iterate over all clouds."""
        return iter(vars(self).values())

    def named(self, name: str) -> Cloud:
        """Return a cloud by its name; KeyError if there is none."""
        return {cloud.name: cloud for cloud in self}[name]
