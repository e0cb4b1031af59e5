"""Lift, robot by robot."""
