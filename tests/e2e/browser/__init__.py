"""What a homeowner meets: the scenarios in Home Assistant's own front end, in a real browser."""
