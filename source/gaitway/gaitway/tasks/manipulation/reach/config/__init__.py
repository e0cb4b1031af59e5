"""Reach, robot by robot."""
