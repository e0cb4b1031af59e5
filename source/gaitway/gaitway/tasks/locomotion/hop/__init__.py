"""Hop on commanded feet.

The command names the feet that are to bear the hops: all of them, a diagonal pair, those at the front or those behind.
They are to leave the ground and to touch it together, on the spot; the other feet are to stay up. There is no motion to
follow: what pays is time in the air.
"""

from .config import go2 as _go2
