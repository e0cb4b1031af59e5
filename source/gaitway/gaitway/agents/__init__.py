"""Learning algorithms and their parts, usable on any vectorised environment. Nothing here knows Isaac Lab."""
