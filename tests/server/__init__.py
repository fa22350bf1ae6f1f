"""Run a real Home Assistant on loopback and drive it as its own front end does.

`HomeAssistantServer` is the process, `HomeAssistantClient` speaks HTTP and websocket to it,
`browser.signed_in_page` opens its pages in a real browser.
"""

from .client import Flow, HomeAssistantClient
from .homeassistant_server import HomeAssistantServer, ServerError
from .websocket import HomeAssistantApiError

__all__ = [
    "Flow",
    "HomeAssistantApiError",
    "HomeAssistantClient",
    "HomeAssistantServer",
    "ServerError",
]
