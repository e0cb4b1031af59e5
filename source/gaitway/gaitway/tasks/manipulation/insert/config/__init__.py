"""Insert, robot by robot."""
