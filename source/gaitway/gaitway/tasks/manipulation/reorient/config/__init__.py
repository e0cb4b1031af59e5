"""Robots that turn things in their hand."""
