"""Hands and arms."""
