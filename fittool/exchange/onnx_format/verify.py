"""An ONNX file run in onnxruntime on the samples beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError, MachineError, shown, visible
from fittool.exchange.samples_file import SampleSet, read_samples

TOLERANCE = 1e-4
"""The largest difference that passes, of numbers above 1 relative to the largest of the output."""


@dataclass(frozen=True)
class OutputDifference:
    """One output of the graph against what is expected.

    Attributes:
        name: Of the output.
        largest: The largest difference of its numbers; of names and decisions how many of them differ.
        counts: Whether differing ones are counted.
    """

    name: str
    largest: float
    counts: bool

    @property
    def passes(self) -> bool:
        """True where the difference is no more than rounding."""
        return self.largest == 0 if self.counts else self.largest <= TOLERANCE


@dataclass(frozen=True)
class Verification:
    """The answers of a file for its samples, against those that are expected.

    Attributes:
        samples: How many there are.
        runtime: The version of onnxruntime.
        differences: One for each output.
    """

    samples: int
    runtime: str
    differences: tuple[OutputDifference, ...]

    @property
    def largest(self) -> float:
        """The largest difference of all numbers."""
        return max((one.largest for one in self.differences if not one.counts), default=0.0)


def samples_path(path: Path) -> Path:
    """The file of samples beside an exported file."""
    return path.with_suffix(".samples.json")


def verify_onnx(path: Path) -> Verification:
    """Run a file on the samples beside it.

    Raises:
        MachineError: onnxruntime is missing.
        CheckpointError: The file or its samples are missing or damaged, or do not belong together.
    """
    if not path.is_file():
        raise CheckpointError("There is no such file.", place=shown(path))
    samples = read_samples(samples_path(path))
    return verify_samples(path.read_bytes(), samples, shown(path))


def verify_samples(content: bytes, samples: SampleSet, place: str) -> Verification:
    """Run an ONNX model on samples; `place` names it in messages, raises as `verify_onnx`."""
    try:
        import onnxruntime
    except ImportError:
        raise MachineError("Running an ONNX file needs onnxruntime: pip install 'fittool[onnx]'") from None
    names = sorted(samples.expected)
    try:
        session = onnxruntime.InferenceSession(content, _options(onnxruntime), providers=["CPUExecutionProvider"])
        given = sorted(one.name for one in session.get_outputs())
        found = dict(zip(names, session.run(names, _inputs(samples.inputs)), strict=True)) if given == names else {}
    except Exception as error:  # onnxruntime has an exception class for each status, with no common base but this
        text = visible(str(error).splitlines()[0][:300]) if str(error) else type(error).__name__
        raise CheckpointError(f"onnxruntime {onnxruntime.__version__} refuses it: {text}", place=place) from error
    if not found:
        listed = ", ".join(map(visible, given))
        raise CheckpointError(f"gives {listed}, but the samples beside it are of {', '.join(map(visible, names))}.", place=place)
    differences = tuple(_difference(name, found[name], samples.expected[name]) for name in samples.expected)
    count = len(next(iter(samples.expected.values()), []))
    return Verification(count, str(onnxruntime.__version__), differences)


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # warnings about constants are nothing that a user can mend
    return options


def _inputs(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Inputs in the byte order of this machine."""
    return {
        name: array if array.dtype == object else array.astype(array.dtype.newbyteorder("=")) for name, array in arrays.items()
    }


def _difference(name: str, found: NDArray[Any], expected: NDArray[Any]) -> OutputDifference:
    if found.shape != expected.shape:
        return OutputDifference(name, float("inf"), counts=False)
    if expected.dtype.kind not in "fiu":
        return OutputDifference(name, float((found != expected).sum()), counts=True)
    with np.errstate(invalid="ignore"):
        apart = np.abs(found.astype(np.float64) - expected)
    apart = np.where(np.isnan(found) & np.isnan(expected) | (found == expected), 0.0, apart)
    if np.isnan(apart).any():
        return OutputDifference(name, float("inf"), counts=False)
    scale = max(1.0, float(np.nanmax(np.abs(expected), initial=0.0, where=np.isfinite(expected))))
    return OutputDifference(name, float(apart.max(initial=0.0)) / scale, counts=False)
