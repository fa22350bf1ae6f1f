"""A real Home Assistant beside the simulated clouds, used as a homeowner would."""
