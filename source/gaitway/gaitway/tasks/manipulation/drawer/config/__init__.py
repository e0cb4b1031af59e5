"""Drawer, robot by robot."""
