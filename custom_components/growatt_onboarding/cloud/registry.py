"""The providers there are. A new one is a line here."""

from .anqicms import ANQICMS
from .growatt import GROWATT
from .provider import Provider
from .quectel import QUECTEL
from .shopxo import SHOPXO

PROVIDERS: dict[str, Provider] = {
    provider.key: provider for provider in (GROWATT, QUECTEL, SHOPXO, ANQICMS)
}
