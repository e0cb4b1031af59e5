"""Pick up an object, carry it to a commanded place on the ground and put it down there."""

from .config import franka as _franka
