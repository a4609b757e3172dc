"""Versions: those of what is installed, without loading it."""

import platform
import subprocess
import sys

import numpy
import torch

import toygan
from toygan.versions import versions


def test_versions_are_those_of_what_runs() -> None:
    assert versions() == {
        "toygan": toygan.__version__,
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def test_naming_versions_loads_no_library() -> None:
    code = "import sys; from toygan.versions import versions; versions(); print({'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
