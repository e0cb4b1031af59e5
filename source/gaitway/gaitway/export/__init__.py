"""From a run to files that a robot can use."""

from .onnx import export_onnx

__all__ = ["export_onnx"]
