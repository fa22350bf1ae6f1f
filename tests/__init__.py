"""Tests of Growatt Onboarding."""
