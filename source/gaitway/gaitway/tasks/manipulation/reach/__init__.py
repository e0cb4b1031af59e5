"""Bring the end of an arm to a commanded pose and hold it there."""

from .config import franka as _franka
