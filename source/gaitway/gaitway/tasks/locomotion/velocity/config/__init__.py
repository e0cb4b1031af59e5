"""Velocity, robot by robot."""
