"""Which clouds the simulator holds."""

from collections.abc import Iterator

from .cloud import Cloud, World
from .growatt import GrowattCloud


class Clouds:
    """All clouds; a further one is one more line in `__init__`."""

    def __init__(self, world: World) -> None:
        """Open every cloud in the same world."""
        self.growatt = GrowattCloud(world)

    def clouds(self) -> Iterator[Cloud]:
        """Return every cloud."""
        return (cloud for cloud in vars(self).values() if isinstance(cloud, Cloud))

    def cloud(self, name: str) -> Cloud:
        """Return the cloud of a name, or raise KeyError."""
        for cloud in self.clouds():
            if cloud.name == name:
                return cloud
        raise KeyError(name)
