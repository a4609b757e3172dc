"""Runs for the tests of what is taken away: small networks, trained once a session, and one of each awkward kind."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from toygan import worker
from toygan.recipe import Recipe
from toygan.record import Keyframe, Record

SMALL = {"generator_width": 16, "critic_width": 16, "batch": 16}

#: A name with quotes, tags, formulas, a line break, paths and other scripts.
ODD_NAME = "a \"b\" 'c' <i>d</i></script> $x^2$ \\n {{css}} `e` */\n../f|g 日本 é"


@np.errstate(all="ignore")
def trained(recipe: Recipe, steps: int, stride: int, replicates: int = 1, name: str = "") -> Record:
    """The record of a run, with a keyframe every so many steps; it ends where the numbers overflow."""
    chunk = worker.start(recipe, replicates)
    keyframes = [Keyframe(0, chunk.keyframe, chunk.lanes, chunk.histogram)]
    while chunk.state.step < steps and not chunk.failed:
        chunk = worker.chunk(recipe, chunk.state, stride)
        seconds = keyframes[-1].seconds + 0.5
        keyframes.append(Keyframe(chunk.state.step, chunk.keyframe, chunk.lanes, chunk.histogram, seconds))
    return Record(recipe, replicates, tuple(keyframes), {chunk.state.step: chunk.state}, name)


@functools.cache
def records() -> dict[str, Record]:
    """By kind: runs that a format may stumble over."""
    usual = trained(Recipe(seed=3, **SMALL), 40, 8)
    unmeasured = [
        dataclasses.replace(keyframe, lanes=tuple(dict.fromkeys(lane) for lane in keyframe.lanes))
        for keyframe in usual.keyframes
    ]
    rates = {"generator_learning_rate": 10, "critic_learning_rate": 10}
    overflowing = Recipe(method="minimax", optimizer="sgd", **rates, **SMALL)
    changing = Recipe(
        method="wgan",
        data="moons",
        latent=5,
        latent_law="uniform",
        interventions=[[10, {"method": "dragan"}], [20, {"batch": 8, "penalty_weight": 3}]],
        **SMALL,
    )
    return {
        "usual": usual,
        "start": trained(Recipe(method="r3gan", data="checkerboard", **SMALL), 0, 1),
        "several": trained(Recipe(method="hinge", data="grid25", **SMALL), 24, 8, replicates=3, name=ODD_NAME),
        "changing": trained(changing, 32, 8),
        "failed": trained(overflowing, 400, 8),
        "line": trained(Recipe(data="segment", generator="line", latent=3, **SMALL), 16, 8),
        "frozen": trained(Recipe(method="r3gan", data="moons", generator="frozen", **SMALL), 16, 8, replicates=2),
        "unmeasured": dataclasses.replace(usual, keyframes=tuple(unmeasured)),
    }
