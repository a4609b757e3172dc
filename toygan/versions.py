"""The versions that a run's numbers came from, as files name them."""

from __future__ import annotations

import importlib.metadata
import platform

import toygan


def versions() -> dict[str, str]:
    """Versions of toygan, PyTorch, NumPy and Python by name; loads none of them."""
    return {
        "toygan": toygan.__version__,
        **{name: importlib.metadata.version(name) for name in ("torch", "numpy")},
        "python": platform.python_version(),
    }
