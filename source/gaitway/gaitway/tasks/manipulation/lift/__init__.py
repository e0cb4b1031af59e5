"""Lift an object from the ground to a commanded position and hold it there."""

from .config import franka as _franka
