"""Open a drawer by its handle.

The cabinet is made of boxes, and stands somewhere else in each episode. Its drawers slide with friction, and stay where
they are left.
"""

from .config import franka as _franka
