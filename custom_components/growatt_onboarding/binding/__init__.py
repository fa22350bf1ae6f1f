"""Bindings and the planner: pure Python without I/O; the caller passes in the time."""
