"""Turn an object in the hand to a commanded orientation, then to the next, without dropping it."""

from .config import allegro as _allegro
