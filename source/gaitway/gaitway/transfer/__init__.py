"""A bundle put to the test: in several physics engines, and under conditions that it was not trained for.

Everything goes through the robot's own runtime, :mod:`gaitway_deploy`; an engine only stands in for the robot.
"""
