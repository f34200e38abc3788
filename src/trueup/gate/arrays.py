"""NumPy, or a clear word on how to install it: the one place where the gate imports it."""

from typing import TypeAlias

from trueup.errors import WrongUsage

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as missing:
    raise WrongUsage(
        "the gate computes with NumPy, which is not installed",
        remedy="Install it with: pip install 'trueup[gate]'",
    ) from missing

Floats: TypeAlias = NDArray[np.float64]
Whole: TypeAlias = NDArray[np.int64]
Truths: TypeAlias = NDArray[np.bool_]

__all__ = ["Floats", "NDArray", "Truths", "Whole", "np"]
