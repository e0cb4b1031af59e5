"""Jump onto a box and off it.

Half of the episodes begin before a box, half on it. The command says where to land: on the box, or down on the ground
beyond its edge. The robot is to stand still there, and must have been in the air on the way.
"""

from .config import go2 as _go2
