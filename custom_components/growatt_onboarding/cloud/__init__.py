"""The clouds: aiohttp only, nothing of Home Assistant."""
