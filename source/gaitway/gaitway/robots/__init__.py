"""Robots: where their descriptions come from, and how Isaac Lab is to drive them."""
