"""Robots that the runtime can drive."""
