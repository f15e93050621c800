"""What the two finders of the starter set share: one small network on onnxruntime, on the CPU, without which the main
job is served, too. What they find is their own part.
"""

from __future__ import annotations

import os

from inference.engine import Engine, Weights
from inference.hardware.device import Device


class SmallFinder(Engine):
    """A network as one ``*.onnx`` file."""

    requires = ("onnxruntime",)
    library = "onnxruntime"
    runs_on = ("cpu",)
    sharing = 4
    optional = True
    instead = ("mask", "Or send a mask that says where it is")

    def load(self, weights: Weights, device: Device) -> None:
        """Load the one ``*.onnx`` in ``weights.path``, with at most four threads: more are slower for so small ones."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(4, int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
        options.log_severity_level = 3
        path = os.fspath(next(weights.path.glob("*.onnx")))
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
