"""Which clouds the simulator holds."""

from collections.abc import Iterator

from .anqicms import AnqicmsCloud
from .cloud import Cloud, World
from .growatt import GrowattCloud
from .quectel import QuectelCloud
from .shopxo import ShopxoCloud


class Clouds:
    """All clouds; a further one is one more line in `__init__`."""

    def __init__(self, world: World) -> None:
        """Open every cloud in the same world."""
        self.growatt = GrowattCloud(world)
        self.quectel = QuectelCloud(world)
        self.shopxo = ShopxoCloud(world)
        self.anqicms = AnqicmsCloud(world)

    def clouds(self) -> Iterator[Cloud]:
        """Return every cloud."""
        return (cloud for cloud in vars(self).values() if isinstance(cloud, Cloud))

    def cloud(self, name: str) -> Cloud:
        """Return the cloud of a name, or raise KeyError."""
        for cloud in self.clouds():
            if cloud.name == name:
                return cloud
        raise KeyError(name)
