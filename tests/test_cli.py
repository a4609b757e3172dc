"""The command line: what it writes is judged by an independent implementation, what it refuses by its sentence."""

from __future__ import annotations

import functools
import importlib
import io
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import ot
import pytest
import threadpoolctl
import torch
from scipy.spatial.distance import cdist

import toygan
from toygan import observe
from toygan.cli import main
from toygan.distributions import DISTRIBUTIONS
from toygan.methods import METHODS
from toygan.presets import PRESETS
from toygan.recipe import KNOBS, MAX_STEPS, Recipe
from toygan.routes import route

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["generator_width=16", "critic_width=16", "batch=32", "critic_steps=1"]
METRICS = {
    *("w1", "w1_floor", "w1_floor_std", "w2"),
    *("modes", "modes_total", "modes_by_share", "high_quality", "reverse_kl"),
    *("critic_gap", "critic_estimate", "lipschitz", "clipped_share", "real_mean", "fake_mean"),
    *("gradient_norm_real", "gradient_norm_fake", "gradient_norm_between", "generator_gradient"),
    *("critic_loss", "penalty", "generator_loss"),
}


def strict(text: str) -> Any:
    """JSON without NaN and infinities, which Python's reader would let pass."""

    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    with threadpoolctl.threadpool_limits():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure on 100 points instead of 2,500, for runs whose numbers do not matter."""
    monkeypatch.setattr(observe, "report", functools.partial(observe.report, points=100))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


# ---- what a run writes

COMMAND = ["train", "--method", "wgan-gp", "--data", "ring8-wide", "--steps", "200", "--seed", "7"]
COMMAND += ["--set", "generator_width=32", "critic_width=32", "--set", "batch=64"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run in a process of its own: its output, its JSON, and the two clouds it wrote."""
    folder = tmp_path_factory.mktemp("run")
    files = ["--samples", f"{folder}/s", "--reference", f"{folder}/r.npy", "--json", f"{folder}/o.json"]
    done = python("-W", "error", "-m", "toygan", *COMMAND, *files)
    assert (done.returncode, done.stderr) == (0, "")
    return {
        "stdout": done.stdout,
        "bytes": (folder / "s").read_bytes(),
        "samples": np.load(folder / "s"),
        "real": np.load(folder / "r.npy"),
        **strict((folder / "o.json").read_text()),
    }


def test_the_clouds_are_written_as_2500_finite_points_in_float64(run: dict[str, Any]) -> None:
    for cloud in (run["samples"], run["real"]):
        assert cloud.shape == (2500, 2)
        assert cloud.dtype == np.float64
        assert np.isfinite(cloud).all()
    assert run["evaluation"]["points"] == 2500
    assert "key [seed, 10]" in run["evaluation"]["reference"]


def test_the_reference_is_drawn_as_the_json_says(run: dict[str, Any]) -> None:
    rng = np.random.Generator(np.random.Philox(key=[7, 10]))
    assert np.array_equal(Recipe(seed=7).distribution.sample(2500, rng), run["real"])


def optimum(x: np.ndarray, y: np.ndarray, p: int) -> float:
    """The p-Wasserstein distance, proved to be it: a plan that costs no more than any feasible prices say it must."""
    cost = cdist(x, y) ** p
    plan, log = ot.emd([], [], cost, numItermax=10_000_000, log=True)
    # Whoever made them: any plan with these sums is an upper bound, and any such prices are a lower one.
    assert plan.min() >= 0
    assert plan.sum(axis=0) == pytest.approx(1 / len(y))
    assert plan.sum(axis=1) == pytest.approx(1 / len(x))
    short = min(0.0, (cost - log["u"][:, None] - log["v"]).min())
    most, least = (plan * cost).sum(), log["u"].mean() + log["v"].mean() + short
    assert least == pytest.approx(most, rel=1e-9)
    return float(most ** (1 / p))


@pytest.mark.parametrize("p", [1, 2])
def test_reported_distances_are_the_optimum_of_the_written_clouds(run: dict[str, Any], p: int) -> None:
    assert run["metrics"][f"w{p}"] == pytest.approx(optimum(run["samples"], run["real"], p), abs=1e-6)


def judged(samples: np.ndarray, centres: np.ndarray, std: float) -> dict[str, Any]:
    """Coverage by brute force: sample by sample, mode by mode."""
    good, near = [0] * len(centres), 0
    for x, y in samples.tolist():
        distances = [math.hypot(x - a, y - b) for a, b in centres.tolist()]
        nearest = min(range(len(centres)), key=distances.__getitem__)
        if distances[nearest] <= 3 * std:
            good[nearest] += 1
            near += 1
    fair = len(samples) / len(centres)
    shares = [count / near for count in good if count]
    return {
        "modes": sum(count > 0 for count in good),
        "modes_total": len(centres),
        "modes_by_share": sum(count >= fair / 4 for count in good),
        "high_quality": near / len(samples),
        "reverse_kl": sum(share * math.log(share * len(centres)) for share in shares) if near else None,
    }


def ring(radius: float) -> np.ndarray:
    angles = np.arange(8) * np.pi / 4
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_reported_coverage_is_that_of_the_written_samples_by_brute_force(run: dict[str, Any]) -> None:
    expected = judged(run["samples"], ring(2 / 1.414), 0.02 / 1.414)
    assert expected["high_quality"] > 0
    assert {name: run["metrics"][name] for name in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("data", "centres", "std"),
    [
        ("ring8", ring(1.0), 0.3),
        ("grid25", np.stack(np.meshgrid(*[np.arange(-4, 5, 2)] * 2), axis=-1).reshape(-1, 2), 0.3),
        ("two-gaussians", np.array([[-1.0, 0.0], [1.0, 0.0]]), 0.3),
    ],
)
def test_coverage_and_distance_hold_on_other_gaussians_too(
    data: str, centres: np.ndarray, std: float, tmp_path: Path
) -> None:
    files = ["--samples", f"{tmp_path}/s", "--reference", f"{tmp_path}/r", "--json", f"{tmp_path}/o"]
    setting = ["--set", *SMALL, f"data.std={std}"]
    assert main(["train", "--data", data, "--method", "dragan", "--steps", "40", *setting, *files]) == 0
    samples, real = np.load(tmp_path / "s"), np.load(tmp_path / "r")
    metrics = strict((tmp_path / "o").read_text())["metrics"]
    expected = judged(samples, centres, std) | {"w1": optimum(samples, real, 1)}
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_the_json_holds_recipe_speed_metrics_and_versions(run: dict[str, Any]) -> None:
    recipe = Recipe(method="wgan-gp", data="ring8-wide", seed=7, generator_width=32, critic_width=32, batch=64)
    assert Recipe.from_json(run["recipe"]) == recipe
    assert run["recipe"] == recipe.to_json()
    assert (run["steps"], run["failed_at"]) == (200, None)
    assert run["steps_per_second"] == pytest.approx(200 / run["seconds"])
    assert set(run["metrics"]) == METRICS
    assert {name for name, value in run["metrics"].items() if value is None} == {"clipped_share"}
    assert run["versions"]["toygan"] == toygan.__version__
    assert set(run["versions"]) == {"toygan", "torch", "numpy", "python"}
    assert run["products"] == route()


def test_the_critics_estimate_is_its_gap_over_its_largest_slope(run: dict[str, Any]) -> None:
    metrics = run["metrics"]
    assert metrics["critic_gap"] == pytest.approx(metrics["real_mean"] - metrics["fake_mean"])
    assert metrics["critic_estimate"] == pytest.approx(metrics["critic_gap"] / metrics["lipschitz"])
    assert metrics["w1_floor"] == pytest.approx(0.05, abs=0.04)


def test_the_summary_gives_a_number_a_line_beside_what_it_is_compared_with(run: dict[str, Any]) -> None:
    metrics = run["metrics"]
    lines = {line[:14].strip(): line[14:].strip() for line in run["stdout"].splitlines()}
    assert lines["recipe"] == "wgan-gp on ring8-wide, seed 7"
    assert lines["W1"].startswith(f"{metrics['w1']:.4g} ")
    assert lines["W1"].endswith(f"floor {metrics['w1_floor']:.4g} +- {metrics['w1_floor_std']:.4g}")
    assert lines["modes"].startswith(f"{metrics['modes']} of 8 ")
    assert lines["high quality"].endswith("perfect: 98.9 %")
    assert lines["critic's W1"].startswith(f"{metrics['critic_estimate']:.4g} ")
    assert "critic's gap" not in lines


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--method", "dragan"], "critic's gap"),
        (["--method", "wgan"], "critic's W1"),
        (["--method", "wgan", "--set", 'interventions=[[2, {"method": "dragan"}]]'], "critic's gap"),
        (["--method", "dragan", "--set", 'interventions=[[9, {"method": "wgan"}]]'], "critic's gap"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:40],
)
def test_only_a_wasserstein_critic_is_said_to_estimate_a_distance(
    arguments: list[str], name: str, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--steps", "4", "--set", *SMALL, *arguments]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("critic's")]
    assert line.startswith(name)
    assert line.endswith("its gap over its largest slope")


def test_the_same_command_writes_the_same_samples_byte_for_byte(run: dict[str, Any], tmp_path: Path) -> None:
    assert main([*COMMAND, "--samples", str(tmp_path / "s.npy")]) == 0
    assert (tmp_path / "s.npy").read_bytes() == run["bytes"]


@pytest.mark.parametrize("name", ["s", "s.npy", "S.NPY", "a.run/s"])
def test_the_clouds_go_to_names_in_npy_or_without_a_suffix(name: str, quick: None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    assert main(["train", "--steps", "2", "--set", *SMALL, "--samples", str(path)]) == 0
    assert np.load(path).shape == (100, 2)


def test_the_clouds_go_to_what_is_no_file_by_any_name(quick: None, tmp_path: Path) -> None:
    sink = tmp_path / "sink.csv"
    sink.symlink_to("/dev/null")
    files = ["--samples", str(sink), "--reference", "/dev/null"]
    assert main(["train", "--steps", "2", "--set", *SMALL, *files]) == 0
    assert sink.is_symlink()


# ---- what is asked for

Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(quick: None, tmp_path: Path) -> Train:
    """Train in this process, expecting success; gives the JSON."""

    def run(*arguments: str) -> dict[str, Any]:
        path = tmp_path / "out.json"
        assert main(["train", *arguments, "--json", str(path)]) == 0
        result: dict[str, Any] = strict(path.read_text())
        return result

    return run


def test_flags_and_settings_override_a_preset_and_the_rest_of_it_stays(train: Train) -> None:
    options = ["--preset", "gan-lab", "--seed", "5", "--steps", "2", "--set", "batch=16"]
    recipe = Recipe.from_json(train(*options, "--method", "minimax", "--device", "cpu")["recipe"])
    expected = {**PRESETS["gan-lab"].fields, "seed": 5, "batch": 16, "method": "minimax", "device": "cpu"}
    assert recipe == Recipe.from_json(expected)


def test_a_presets_data_parameters_hold_for_its_own_data_alone(train: Train) -> None:
    small = ["--preset", "gan-toy-grid", "--steps", "1", "--set", *SMALL]
    theirs = train(*small)["recipe"]["data_parameters"]
    assert theirs["spacing"] == pytest.approx(2 / 2.828)
    other = train(*small, "--data", "ring8")["recipe"]
    assert other["data_parameters"] == dict(Recipe(data="ring8").data_parameters)
    assert other["generator_learning_rate"] == 1e-4


@pytest.mark.parametrize(
    "words",
    [
        ["--method", "gan", "--data", "RING8"],
        ["--method", "Non-Saturating", "--data", "ring of 8"],
        ["--set", "method=GAN", "data=Ring of 8"],
    ],
    ids=" ".join,
)
def test_methods_and_data_go_by_the_page_s_labels_too_in_upper_or_lower_case(train: Train, words: list[str]) -> None:
    recipe = train(*words, "--steps", "1", "--set", *SMALL)["recipe"]
    assert (recipe["method"], recipe["data"]) == ("non-saturating", "ring8")


def test_interventions_are_settings_in_json(train: Train) -> None:
    changes = '[[2, {"method": "wgan", "clip": 0.05}]]'
    result = train("--method", "non-saturating", "--steps", "4", "--set", *SMALL, f"interventions={changes}")
    assert result["recipe"]["interventions"] == [[2, {"clip": 0.05, "method": "wgan"}]]
    assert result["metrics"]["clipped_share"] > 0


def test_data_parameters_are_settings_with_a_prefix(train: Train) -> None:
    result = train("--steps", "1", "--set", *SMALL, "--set", "data.std=0.05")
    assert result["recipe"]["data_parameters"]["std"] == 0.05


@pytest.mark.parametrize(
    ("environment", "options", "threads"),
    [("", [], 1), ("3", [], 2), ("3", ["--threads", "1"], 1), ("", ["--threads", "3"], 3)],
)
def test_one_thread_trains_unless_told_otherwise(
    train: Train, monkeypatch: pytest.MonkeyPatch, environment: str, options: list[str], threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", environment)
    torch.set_num_threads(2)  # stands for what torch made of the variable as it was imported
    train("--steps", "1", "--set", *SMALL, *options)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("threads", [1, 3])
def test_numpy_s_products_keep_to_the_threads_asked_for(train: Train, threads: int) -> None:
    threadpoolctl.threadpool_limits(2, user_api="blas")
    train("--steps", "1", "--set", *SMALL, "--threads", str(threads))
    libraries = threadpoolctl.threadpool_info()
    assert {library["num_threads"] for library in libraries if library["user_api"] == "blas"} == {threads}


# ---- what is refused

REFUSED = [
    ([], "name a command, one of train, compare, export, list; see python -m toygan --help"),
    (["trian"], "invalid choice: 'trian' (choose from "),
    (["list", "method"], "unknown list 'method': choose from methods, data, presets, fields"),
    (["train", "--sample", "x"], "unrecognized arguments: --sample x"),
    (["train", "--method"], "--method: expected one argument"),
    (["train", "--method", "wgna"], f"unknown method 'wgna': choose from {', '.join(METHODS)}"),
    (["train", "--data", "ring"], f"unknown data 'ring': choose from {', '.join(DISTRIBUTIONS)}"),
    (["train", "--preset", "ring"], f"unknown preset 'ring': choose from {', '.join(PRESETS)}"),
    (["train", "--device", "tpu"], "unknown device 'tpu': choose from auto, cpu, cuda, mps"),
    (["train", "--set", "bacth=1"], "unknown setting 'bacth': did you mean batch? Choose from data, method, "),
    (["train", "--set", "foo=1"], "unknown setting 'foo'. Choose from data, method, "),
    (["train", "--set", "data.width=1"], "unknown ring8-wide parameter 'width': choose from radius, std"),
    (["train", "--set", "batch=0"], "batch must be between 1 and 4,096, not 0."),
    (["train", "--set", "batch=1.5"], "batch must be a whole number, not 1.5."),
    (["train", "--set", "batch="], "batch must be a number, not ''."),
    (["train", "--set", "critic_learning_rate=nan"], "critic_learning_rate must be a finite number, not nan."),
    (["train", "--set", "generator_learning_rate=-inf"], "generator_learning_rate must be a finite number"),
    (["train", "--set", "activation=sine"], "unknown activation 'sine': choose from relu, "),
    (["train", "--set", "data.std=-1"], "std of ring8-wide must be a number from 0.001 to 1, not -1"),
    (["train", "--set", "batch"], "--set needs FIELD=VALUE, such as batch=128, not 'batch'."),
    (["train", "--set", "=1"], "--set needs FIELD=VALUE"),
    (["train", "--set", "seed=1", "seed=1"], "--set seed=1 sets seed a second time"),
    (["train", "--method", "wgan", "--set", "method=r1"], "--set method=r1 sets method a second time"),
    (["train", "--set", "method=wgna"], "unknown method 'wgna': choose from "),
    (["train", "--set", "interventions=5"], "interventions must be a list of [step, {field: value}] pairs."),
    (["train", "--set", "interventions=[["], "interventions must be a JSON list"),
    (["train", "--set", 'interventions=[[5,{"method":"x"}]]'], "unknown method 'x': choose from "),
    (["train", "--set", 'interventions=[[5,{"latent":3}]]'], "latent holds for a whole run and cannot change"),
    (["train", "--set", 'interventions=[[5,{"foo":3}]]'], "unknown setting 'foo'. Choose from data, method, "),
    (["train", "--method", "dragan", "--set", "batch=1"], "dragan needs a batch of at least 2"),
    (["train", "--preset", "gan-toy-ring", "--set", "batch=4096", "critic_depth=8"], "is too large for one step"),
    (["train", "--seed", "-1"], "seed must be between 0 and "),
    (["train", "--seed", "x"], "seed must be a number, not 'x'."),
    (["train", "--seed", "9007199254740992"], "seed must be between 0 and "),
    (["train", "--steps", "0"], "steps must be a whole number from 1 to 1,000,000, not 0."),
    (["train", "--steps", "1.5"], "steps must be a whole number from 1 to 1,000,000, not 1.5."),
    (["train", "--steps", "nan"], "steps must be a whole number from 1 to 1,000,000, not nan."),
    (["train", "--steps", str(MAX_STEPS + 1)], "steps must be a whole number from 1 to 1,000,000, not 1000001."),
    (["train", "--threads", "0"], "threads must be a whole number from 1 to 256, not 0."),
    (["train", "--json", "nowhere/out.json"], "--json nowhere/out.json cannot be written: no such file or directory."),
    (["train", "--samples", "."], "--samples . cannot be written: is a directory."),
    (["train", "--samples", "s.csv"], "--samples writes a NumPy file: end its name in .npy, not .csv."),
    (["train", "--reference", "r.npy.gz"], "--reference writes a NumPy file: end its name in .npy, not .gz."),
    (["train", "--samples", "a.npy", "--reference", "./a.npy"], "--reference and --samples name the same file"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=lambda value: " ".join(value)[:50])
def test_arguments_that_make_no_sense_exit_with_2_and_one_sentence(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("toygan: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["train", "--device", "cuda", "--json", str(tmp_path / "out.json")]) == 2
    assert capsys.readouterr().err.startswith("toygan: device cuda is not available here: choose auto or cpu")
    assert list(tmp_path.iterdir()) == []


def test_refused_arguments_leave_files_as_they_were(tmp_path: Path) -> None:
    kept = tmp_path / "kept.npy"
    kept.write_bytes(b"before")
    assert main(["train", "--samples", str(kept), "--reference", str(tmp_path / "no" / "r.npy")]) == 2
    assert kept.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [kept]


# ---- runs that end early

OVERFLOW = ["train", "--method", "least-squares", "--steps", "50", "--set", *SMALL, "optimizer=sgd"]
OVERFLOW += ["critic_learning_rate=10", "generator_learning_rate=10"]


@pytest.mark.usefixtures("quick")
def test_a_run_that_overflows_exits_with_1_says_when_and_writes_what_is_finite(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = ["--json", str(tmp_path / "out.json"), "--samples", str(tmp_path / "s.npy")]
    assert main([*OVERFLOW, *files]) == 1
    out, err = capsys.readouterr()
    result = strict((tmp_path / "out.json").read_text())
    failed_at = result["failed_at"]
    assert err == (
        f"toygan: the numbers overflowed at step {failed_at}: try a smaller learning rate, or set gradient_clip.\n"
    )
    assert out
    assert 0 < failed_at < 50
    assert result["steps"] == failed_at - 1, "the last step that did not fail"
    assert set(result["metrics"]) == METRICS
    finite = np.isfinite(np.load(tmp_path / "s.npy")).all()
    assert (result["metrics"]["w1"] is not None) == finite


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("setting", ["critic_learning_rate=10", "generator_learning_rate=10"])
def test_where_an_overflow_ends_does_not_depend_on_the_length_of_chunks(
    setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "out.json"
    command = ["train", "--method", "least-squares", "--steps", "60", "--json", str(path), "--set", *SMALL]
    ends = []
    for block in (8, 1, 60):
        monkeypatch.setattr("toygan.cli.train.BLOCK", block)
        status = main([*command, "optimizer=sgd", setting])
        result = strict(path.read_text())
        ends.append((status, result["steps"], result["failed_at"], result["metrics"]))
    assert ends[0][0] == 1
    assert ends[1:] == ends[:1] * 2


class Impatient(Terminal):
    """A terminal at which Ctrl-C is pressed when a certain text appears."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def write(self, text: str) -> int:
        if self.text and self.text in text:
            self.text = ""
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.usefixtures("quick")
def test_ctrl_c_stops_training_and_writes_what_was_reached(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Impatient("steps/s"))
    files = ["--json", str(tmp_path / "out.json"), "--samples", str(tmp_path / "s.npy")]
    assert main(["train", "--steps", "1000000", "--set", *SMALL, *files]) == 130
    result = strict((tmp_path / "out.json").read_text())
    assert 0 < result["steps"] < 1000000
    assert f"stopped at step {result['steps']:,} of 1,000,000; what was reached is measured." in terminal.getvalue()
    assert result["metrics"]["w1"] is not None
    assert np.load(tmp_path / "s.npy").shape == (100, 2)
    assert "W1" in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("moment", ["loading", "measuring"])
def test_ctrl_c_outside_training_writes_nothing_and_shows_no_traceback(
    moment: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Impatient(moment))
    assert main(["train", "--steps", "1", "--set", *SMALL, "--json", str(tmp_path / "out.json")]) == 130
    assert terminal.getvalue().endswith("toygan: stopped; nothing was written.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_file_that_cannot_be_written_after_all_costs_no_other_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    report = observe.report

    def report_late(*arguments: Any) -> dict[str, Any]:
        shutil.rmtree(gone)
        return report(*arguments)

    monkeypatch.setattr(observe, "report", report_late)
    files = ["--samples", str(gone / "s.npy"), "--json", str(tmp_path / "out.json")]
    assert main(["train", "--steps", "1", "--set", *SMALL, *files]) == 1
    assert "s.npy could not be written: no such file or directory." in capsys.readouterr().err
    assert strict((tmp_path / "out.json").read_text())["steps"] == 1


# ---- what a terminal shows


@pytest.mark.usefixtures("quick")
def test_a_terminal_sees_step_rate_time_left_and_losses_on_one_line_that_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["train", "--steps", "16", "--set", *SMALL]) == 0
    shown = [line.strip() for line in terminal.getvalue().split("\r")]
    assert "\n" not in terminal.getvalue()
    assert shown[1] == "loading PyTorch"
    assert any("] 8/16  " in line and " steps/s  0:" in line and " left  losses " in line for line in shown)
    assert "measuring step 16" in shown
    assert shown[-2:] == ["", ""]


@pytest.mark.usefixtures("quick")
def test_the_line_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["train", "--steps", "16", "--set", *SMALL]) == 0
    assert max(map(len, terminal.getvalue().split("\r"))) == 39


# ---- lists


@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("methods", METHODS),
        ("data", DISTRIBUTIONS),
        ("presets", PRESETS),
        ("fields", [*KNOBS, "data.NAME", "interventions"]),
    ],
)
def test_a_list_has_a_line_for_every_entry_and_details_indented_below(
    what: str, keys: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [number for number, line in enumerate(lines) if not line.startswith("    ")]
    assert [lines[number].split()[0] for number in heads] == list(keys)
    assert all(lines[number + 1].startswith("    ") for number in heads)


def test_list_alone_shows_every_list(capsys: pytest.CaptureFixture[str]) -> None:
    parts = []
    for what in ("methods", "data", "presets", "fields"):
        main(["list", what])
        parts.append(f"{what}:\n\n{capsys.readouterr().out}")
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "\n".join(parts)


def test_the_lists_show_defaults_ranges_and_data_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "batch 256, between 1 and 4,096 points Real and generated points in each update." in shown
    assert "data.std=0.05, 0.001 to 1 data units" in shown
    for method in METHODS.values():
        assert f" {method.label} {method.title} " in shown
        assert method.summary in shown
        assert all(f"{name}=" in shown for name in method.defaults)


def test_settings_as_listed_can_be_given(capsys: pytest.CaptureFixture[str], train: Train) -> None:
    main(["list", "presets"])
    lines = capsys.readouterr().out.splitlines()
    listed = lines[next(i for i, line in enumerate(lines) if line.startswith("gan-lab ")) + 2].split()[1:]
    recipe = train("--steps", "1", "--set", *listed)["recipe"]
    assert Recipe.from_json(recipe) == PRESETS["gan-lab"].recipe


# ---- the process


def test_lists_and_errors_load_neither_torch_nor_pot_nor_streamlit() -> None:
    script = (
        "import sys; from toygan.cli import main; "
        "assert main(['list']) == 0; assert main(['train', '--method', 'x']) == 2; "
        "print([name for name in ('torch', 'ot', 'scipy', 'streamlit') if name in sys.modules], file=sys.stderr)"
    )
    done = python("-c", script)
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "toygan", "list"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a shell's line says to ``toygan``, done in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["sh", "-c", f'toygan() {{ {shlex.quote(sys.executable)} -W error -m toygan "$@"; }}; {line}']
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("line", ["list", "export 'batch=2' --to csv --steps 1 -o out.csv"])
def test_closed_streams_are_no_error(line: str, streams: str, tmp_path: Path) -> None:
    done = shell(f"toygan {line} {streams}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("line", ["list", "--help", "export 'batch=2' --to script -o out.py"])
def test_output_that_cannot_be_written_ends_in_a_sentence_and_status_1(line: str, tmp_path: Path) -> None:
    done = shell(f"toygan {line} > /dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "toygan: standard output could not be written: no space left on device.\n",
    )


@pytest.mark.parametrize(
    ("module", "sentence"),
    [("toygan.recipe", "stopped."), ("toygan.observe", "stopped; nothing was written.")],
    ids=["starting", "measuring"],
)
def test_ctrl_c_while_modules_load_and_once_more_at_the_end_gives_a_sentence_and_status_130(
    module: str, sentence: str
) -> None:
    # Python notes Ctrl-C during an exec of text, of which dataclasses make use, and would end by the signal.
    script = (
        "import atexit, os, signal, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == {module!r}:\n"
        "            exec('raise KeyboardInterrupt')\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "from toygan.__main__ import run\n"
        "sys.argv[1:] = ['train', '--steps', '1']\n"
        "sys.exit(run())\n"
    )
    done = python("-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"toygan: {sentence}\n")


def test_help_and_version_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["train", "--help"], ["compare", "--help"], ["list", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
    assert capsys.readouterr().out.endswith(f"toygan {toygan.__version__}\n")


def test_importing_main_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(importlib.import_module("toygan.__main__").run)
    assert capsys.readouterr() == ("", "")
