"""Public clients of Growatt against the simulator."""
