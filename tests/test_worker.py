"""What a worker does with a recipe and a state, and what it hands back."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from toygan import metrics, worker
from toygan.frames import unpack
from toygan.observe import observe, report
from toygan.recipe import Recipe
from toygan.training import advance, initial_state

SMALL = {"generator_width": 8, "generator_depth": 1, "critic_width": 8, "critic_depth": 1, "batch": 16}


def small(**fields: Any) -> Recipe:
    return Recipe.from_json({**SMALL, **fields})


EXPLODING = {
    "optimizer": "sgd",
    "beta1": 0.0,
    "critic_steps": 1,
    "critic_learning_rate": 0.3,
    "penalty_weight": 10.0,
}


def test_a_run_starts_at_step_zero_with_its_initial_networks() -> None:
    recipe = small()
    first = worker.start(recipe)
    expected = initial_state(recipe)
    assert first.state.step == 0
    assert first.state.critic.tobytes() == expected.critic.tobytes()
    assert first.state.generator.tobytes() == expected.generator.tobytes()
    assert unpack(first.keyframe).step == 0
    assert first.failed is None and first.seconds == 0


def test_a_chunk_is_that_many_steps_and_the_frame_they_lead_to() -> None:
    recipe = small()
    found = worker.chunk(recipe, initial_state(recipe), 7)
    state, trace = advance(recipe, initial_state(recipe), 7)
    frame = observe(recipe, state, trace)
    assert found.state.step == 7
    assert found.state.critic.tobytes() == state.critic.tobytes()
    assert found.lanes == frame.metrics
    assert found.histogram == frame.histogram[0]
    shown = unpack(found.keyframe)
    assert shown.step == 7
    np.testing.assert_allclose(shown.samples, frame.samples, atol=4 * frame.extent / 65535)
    assert found.seconds > 0


def test_a_chunk_goes_on_from_the_state_of_another_and_gives_the_same_keyframe() -> None:
    recipe = small(method="r3gan", instance_noise=0.1)
    whole = worker.chunk(recipe, initial_state(recipe), 9)
    parts = worker.chunk(recipe, worker.chunk(recipe, initial_state(recipe), 4).state, 5)
    assert parts.keyframe == whole.keyframe


def test_chunks_travel_between_processes() -> None:
    recipe = small()
    found = worker.chunk(recipe, initial_state(recipe), 2)
    back = pickle.loads(pickle.dumps(found))
    assert back.keyframe == found.keyframe
    assert back.state.generator.tobytes() == found.state.generator.tobytes()


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_run_that_fails_says_when_and_keeps_showing_its_last_sound_step(first: int) -> None:
    recipe = small(**EXPLODING)
    found = worker.chunk(recipe, worker.chunk(recipe, initial_state(recipe), first).state, 40)
    assert found.failed is not None
    when = int(found.state.failed_at[0])
    assert 2 < when < 41
    assert found.state.step == when
    assert f"step {when:,}" in found.failed
    shown = unpack(found.keyframe)
    assert shown.failed == (found.failed,)
    sound = worker.chunk(recipe, initial_state(recipe), when - 1)
    assert sound.failed is None
    assert np.array_equal(shown.samples, unpack(sound.keyframe).samples)
    assert np.array_equal(shown.grid, unpack(sound.keyframe).grid)
    assert found.state.generator.tobytes() == sound.state.generator.tobytes()


def test_a_run_that_failed_is_not_advanced_any_further() -> None:
    recipe = small(**EXPLODING)
    failed = worker.chunk(recipe, initial_state(recipe), 40)
    again = worker.chunk(recipe, failed.state, 5)
    assert again.state.step == failed.state.step and again.failed == failed.failed
    assert again.state.critic.tobytes() == failed.state.critic.tobytes()


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_told_before_anything_is_trained(device: str) -> None:
    import torch

    if {"cuda": torch.cuda, "mps": torch.backends.mps}[device].is_available():
        pytest.skip(f"this machine has {device}")
    with pytest.raises(ValueError, match=f"device {device} is not available here"):
        worker.start(small(device=device))


def test_a_measurement_is_a_report_without_its_points_that_fits_into_json() -> None:
    recipe = small()
    state = initial_state(recipe)
    found = worker.measure(recipe, state, 80)
    expected = report(recipe, state, 80)
    assert found == {name: value for name, value in expected.items() if name not in ("samples", "real")}
    json.dumps(found, allow_nan=False)


def test_the_floor_is_that_of_the_recipe_s_data() -> None:
    recipe = small(data="ring8", data_parameters={"std": 0.1, "modes": 5})
    expected = metrics.noise_floor("ring8", {"std": 0.1, "modes": 5}, 90)
    assert worker.floor(recipe, 90) == (expected.mean, expected.std)


def test_preparing_twice_does_no_harm() -> None:
    worker.prepare()
    worker.prepare()


# ---- replicates


def test_replicates_start_from_the_seeds_after_the_recipe_s() -> None:
    recipe = small(seed=4)
    first = worker.start(recipe, 3)
    assert first.state.seeds.tolist() == [4, 5, 6]
    assert len(first.lanes) == 3
    assert first.lanes[1]["w1"] == pytest.approx(worker.start(small(seed=5)).lanes[0]["w1"], rel=1e-4)


def test_of_several_replicates_one_that_fails_stays_as_it_was_and_the_others_go_on() -> None:
    recipe = small()
    state = worker.start(recipe, 3).state
    state.generator[1] = np.nan
    after = worker.chunk(recipe, state, 4)
    assert after.failed is None
    assert after.state.failed_at.tolist() == [-1, 1, -1]
    assert np.isnan(after.state.generator[1]).all() and np.isfinite(after.state.critic[1]).all()
    alone, _ = advance(recipe, initial_state(recipe, [0, 1, 2]), 4)
    assert after.state.generator[0].tobytes() == alone.generator[0].tobytes()
    assert after.state.generator[2].tobytes() == alone.generator[2].tobytes()


def test_replicates_that_all_fail_end_the_run() -> None:
    found = worker.chunk(small(**EXPLODING), worker.start(small(**EXPLODING), 2).state, 40)
    assert found.failed is not None
    assert (found.state.failed_at > 0).all()


def test_each_replicate_is_measured() -> None:
    recipe = small()
    state = worker.start(recipe, 2).state
    alone = [worker.measure(recipe, initial_state(recipe, [seed]), 40)["w1"] for seed in (0, 1)]
    assert [worker.measure(recipe, state.lane(lane), 40)["w1"] for lane in (0, 1)] == pytest.approx(alone, rel=1e-4)


# ---- how one begins


@pytest.fixture
def as_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process may begin as a worker does without ending, or losing Ctrl-C, for it."""
    monkeypatch.setattr(worker, "_end_with", lambda server: None)
    monkeypatch.setattr(worker.signal, "signal", Mock())


@pytest.mark.usefixtures("as_worker")
def test_the_next_worker_s_turn_comes_a_while_after_this_one_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, prepared, timer = threading.Semaphore(1), [], Mock()
    monkeypatch.setattr(worker, "prepare", lambda: prepared.append(turns.acquire(blocking=False)))
    monkeypatch.setattr(worker, "Timer", timer)
    worker.begin(turns, os.getppid())  # type: ignore[arg-type]
    assert prepared == [False]
    seconds, give_back = timer.call_args.args
    assert seconds > 0 and timer.return_value.daemon
    timer.return_value.start.assert_called_once()
    assert not turns.acquire(blocking=False)
    give_back()
    assert turns.acquire(blocking=False)


@pytest.mark.usefixtures("as_worker")
def test_a_worker_that_cannot_load_its_libraries_gives_its_turn_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("no PyTorch")

    monkeypatch.setattr(worker, "prepare", fail)
    monkeypatch.setattr(worker, "_PAUSE", 0.0)
    turns = threading.Semaphore(1)
    with pytest.raises(ImportError):
        worker.begin(turns, os.getppid())  # type: ignore[arg-type]
    assert turns.acquire(timeout=30)


def _begun(server: str, prepare: str) -> subprocess.CompletedProcess[str]:
    """A process that begins as a worker of ``server`` and prepares as said; both are Python expressions."""
    script = (
        "import os, signal, threading, time; from toygan import worker; "
        f"worker.prepare = lambda: {prepare}; worker.begin(threading.Semaphore(1), {server})"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(worker.__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows ends workers by itself")
def test_a_worker_whose_server_ended_before_it_began_leaves_at_once() -> None:
    done = _begun(server="-1", prepare="time.sleep(600)")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(os.name == "nt", reason="sends a signal of POSIX")
def test_a_worker_leaves_ctrl_c_to_its_server_from_its_beginning_on() -> None:
    done = _begun(server="os.getppid()", prepare="(os.kill(os.getpid(), signal.SIGINT), print('prepared'))")
    assert (done.stdout.strip(), done.stderr) == ("prepared", "")


def test_prepare_leaves_the_garbage_collector_at_work_on_what_comes_after_the_imports() -> None:
    script = (
        "import gc; from toygan import worker; worker.prepare(); import toygan.metrics.transport; "
        "print(gc.isenabled(), gc.get_freeze_count() > 50_000, len(gc.get_objects()) < 10_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(worker.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == "True True True"
