"""Gaitway takes a robot skill from GPU simulation to the robot.

An extension of Isaac Lab 3.0. Importing this package is cheap: it loads neither torch nor a simulator, and it
registers nothing. Tasks register when :mod:`gaitway.tasks` is imported (Isaac Lab does so by itself, through the
``isaaclab.tasks`` entry point).
"""

__version__ = "0.1.0"
