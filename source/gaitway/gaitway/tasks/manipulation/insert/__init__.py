"""Put a square peg into a hole that is hardly wider.

The peg is part of the hand, as one that jaws of its shape hold; the hole is in a block that stands somewhere else in
each episode.
"""

from .config import franka as _franka
