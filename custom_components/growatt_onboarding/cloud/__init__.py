"""Clients of the clouds. They need aiohttp and nothing of Home Assistant."""
