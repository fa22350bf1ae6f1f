"""The providers there are. A new one is a line here."""

from .growatt import GROWATT
from .provider import Provider

PROVIDERS: dict[str, Provider] = {provider.key: provider for provider in (GROWATT,)}
