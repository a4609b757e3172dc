"""What was recorded is done again on the same memory and by no Python, and what no graph could replay is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan.graphs import WARM_UP, Tape, record

CPU = torch.device("cpu")


def normal(*shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(len(shape)).standard_normal(shape))


# ---- replay


def in_place(x: Tensor, out: Tensor) -> None:
    out.copy_(x).mul_(2).add_(x[0])


def out_of_place(x: Tensor, out: Tensor) -> None:
    out[:] = torch.lerp(x, x.flip(0), 0.25) / x.norm(dim=1, keepdim=True)


def into_buffers(x: Tensor, out: Tensor) -> None:
    torch.mm(x, x.mT @ x, out=out)


def by_views(x: Tensor, out: Tensor) -> None:
    parts = torch.cat([x, -x], dim=1).unflatten(1, (2, -1))
    out.copy_(parts[:, 1].flatten(1).contiguous())


def of_two_tensors(x: Tensor, out: Tensor) -> None:
    largest, where = x.max(dim=1, keepdim=True)
    out.copy_(largest.expand_as(x) * (where == 1).to(x.dtype))


def by_double_backward(x: Tensor, out: Tensor) -> None:
    with torch.inference_mode(False), torch.enable_grad():
        leaf = x.clone().requires_grad_()
        (slopes,) = torch.autograd.grad(torch.tanh(leaf).square().sum(), leaf, create_graph=True)
        (curvature,) = torch.autograd.grad(slopes.square().sum(), leaf)
    out.copy_(curvature)


WORK = [in_place, out_of_place, into_buffers, by_views, of_two_tensors, by_double_backward]


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_a_replay_gives_the_bits_of_the_work_on_what_its_tensors_hold_then(
    work: Callable[[Tensor, Tensor], None], inference: bool
) -> None:
    x, out, expected = normal(3, 3), torch.zeros(3, 3, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    with torch.inference_mode(inference):
        recording = record(lambda: work(x, out), CPU)
        for factor in (1.0, -2.0, 0.5):
            x.copy_(factor * normal(3, 3) + factor)
            recording.replay()
            work(x, expected)
            assert torch.equal(out, expected) and bool(out.any())


def test_a_replay_runs_no_python() -> None:
    runs, x = [], torch.zeros(2)
    recording = record(lambda: runs.append(x.add_(1)), CPU)
    for _ in range(3):
        recording.replay()
    assert len(runs) == 1 and x.tolist() == [4.0, 4.0]


def test_what_the_work_made_stays_where_it_was() -> None:
    made, x = [], torch.ones(2)
    recording = record(lambda: made.append(x * 3), CPU)
    (product,) = made
    place = product.data_ptr()
    x.fill_(5)
    recording.replay()
    assert product.tolist() == [15.0, 15.0] and product.data_ptr() == place


def test_a_number_of_python_s_is_in_every_replay_as_it_was() -> None:
    x, steps = torch.zeros(1), iter((1.0, 10.0))
    recording = record(lambda: x.add_(next(steps)), CPU)
    recording.replay()
    assert x.tolist() == [2.0]


# ---- what no graph could replay

REFUSED: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "item": (lambda x: x[0].item(), "Python reads a tensor's value"),
    "float": (lambda x: float(x.sum()), "Python reads a tensor's value"),
    "truth": (lambda x: bool((x > 0).all()), "Python reads a tensor's value"),
    "equal": (lambda x: torch.equal(x, x + 1), "Python reads a tensor's value"),
    "nonzero": (lambda x: x.nonzero(), "its shape follows from values"),
    "mask": (lambda x: x[x > 0], "its shape follows from values"),
    "fresh": (lambda x: x + torch.tensor([1.0, 2.0]), "it makes a tensor of Python's numbers"),
    "devices": (lambda x: torch.empty(2, device="meta").copy_(x), "it takes meta and cpu together"),
}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_work_that_cannot_be_replayed_is_refused_with_the_reason(name: str, inference: bool) -> None:
    work, reason = REFUSED[name]
    with torch.inference_mode(inference):
        x = torch.ones(2)
        with pytest.raises(ValueError, match=f"cannot be replayed: {reason}"):
            record(lambda: work(x), CPU)


def test_what_comes_after_the_work_is_not_recorded() -> None:
    x, tape = torch.ones(2), Tape(CPU)
    with tape:
        x.add_(1)
        with pytest.raises(ValueError, match="cannot be replayed"):
            x.sum().item()
    x.add_(1)
    tape.replay()
    assert x.tolist() == [4.0, 4.0]


# ---- on a GPU


class Pretended:
    """Stands for ``torch.cuda``: notes what happens on which stream, and captures on a tape."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.now = "main"

    def Stream(self, device: torch.device) -> Pretended.Place:
        return Pretended.Place(self, "side")

    def current_stream(self, device: torch.device) -> Pretended.Place:
        return Pretended.Place(self, self.now)

    @contextlib.contextmanager
    def stream(self, place: Pretended.Place) -> Iterator[None]:
        self.now, before = place.name, self.now
        yield
        self.now = before

    def CUDAGraph(self) -> Tape:
        return Tape(CPU)

    @contextlib.contextmanager
    def graph(self, tape: Tape, stream: Pretended.Place, capture_error_mode: str) -> Iterator[None]:
        self.events.append(f"capture {capture_error_mode}")
        with self.stream(stream), tape:
            yield

    class Place:
        def __init__(self, cuda: Pretended, name: str) -> None:
            self.cuda, self.name = cuda, name

        def wait_stream(self, other: Pretended.Place) -> None:
            self.cuda.events.append(f"{self.name} waits for {other.name}")


def test_a_capture_comes_after_a_warm_up_on_its_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, x = Pretended(), torch.zeros(1)

    def work() -> None:
        cuda.events.append(f"work on {cuda.now}")
        x.add_(1)

    for name in ("Stream", "current_stream", "stream", "CUDAGraph", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    graph = record(work, torch.device("cuda"))
    assert cuda.events == [
        "side waits for main",
        *["work on side"] * WARM_UP,
        "main waits for side",
        "capture thread_local",
        "work on side",
    ]
    x.zero_()
    graph.replay()
    graph.replay()
    assert x.tolist() == [2.0] and len(cuda.events) == WARM_UP + 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here: captures are tested by their twin alone")
def test_a_cuda_graph_replays_what_the_tape_does() -> None:
    for work in WORK:
        x, out = normal(3, 3), torch.zeros(3, 3, dtype=torch.float64)
        there, result = x.cuda(), out.cuda()
        tape, graph = record(partial(work, x, out), CPU), record(partial(work, there, result), there.device)
        for factor in (1.0, -2.0):
            x.copy_(factor * normal(3, 3) + factor)
            there.copy_(x)
            tape.replay()
            graph.replay()
            torch.testing.assert_close(result.cpu(), out)
