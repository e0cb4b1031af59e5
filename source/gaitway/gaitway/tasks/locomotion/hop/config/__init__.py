"""Hop, robot by robot."""
