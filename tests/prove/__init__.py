"""Proofs that take simulated hours: run by scripts/prove, and in short by the tests."""
