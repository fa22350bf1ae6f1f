"""What a binding is and what to do next: pure Python, no I/O, the clock is passed in."""
