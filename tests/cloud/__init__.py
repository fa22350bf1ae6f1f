"""Tests of the providers, each over a real socket of the loopback interface."""
