"""What Gaitway adds to Isaac Lab's physics engines."""
