"""What the papers assert, as numbers: closed forms and quadrature on NumPy alone, one subject a module.

segments: two vertical segments at a distance. histograms: the same from samples, on a grid. gaussians: two Gaussians
on the line. noise: what instance noise does to the Jensen-Shannon divergence. losses: objectives as functions of the
critic's output. mixtures: densities on a grid, their divergences and gradients. fit: gradient descent on those.
dirac: a point as generator and a slope as critic. dynamics: its steps, trajectories and stability. dual: Kantorovich
potentials over the plane.

Logarithms are natural and divergences in nats. p is the law of real points, q that of generated ones.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
