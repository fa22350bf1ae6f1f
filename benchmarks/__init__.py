"""What the integration costs, beside what users have today: run by scripts/benchmark."""
