"""Builders of child objects: pure functions from an experiment to plain dictionaries."""
