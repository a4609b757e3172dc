"""The route of matrix products follows from the processor alone, is exact, and is set for single products only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan import routes

#: Of a large, a middling and a thin layer: points, inputs, outputs.
SHAPES = [(900, 400, 400), (768, 129, 128), (64, 3, 17), (64, 17, 1), (64, 17, 2), (9, 1, 5), (1, 7, 1)]

pytestmark = pytest.mark.usefixtures("routes_afresh")

every_stack = pytest.mark.parametrize("lanes", [1, 3])


def library(kernels: str, threads: int = 1, path: str = "/python/numpy.libs/libopenblas.so") -> dict[str, Any]:
    """An OpenBLAS, as NumPy's wheel brings it, in threadpoolctl's words."""
    return {"internal_api": "openblas", "architecture": kernels, "num_threads": threads, "filepath": path}


@pytest.fixture
def amd(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine on which OpenBLAS is taken, to be changed."""
    machine: dict[str, Any] = {"processor": "AMD EPYC 9654", "numpy": "scipy-openblas", "mkl": True, "torch threads": 1}
    machine["libraries"] = [
        library("SkylakeX"),
        {"internal_api": "openmp", "num_threads": 4, "filepath": "/usr/lib/libgomp.so"},
    ]
    monkeypatch.delenv("TOYGAN_ROUTE", raising=False)
    monkeypatch.setattr(routes, "_processor", lambda: machine["processor"])
    monkeypatch.setattr(routes, "_numpy_blas", lambda: machine["numpy"])
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: machine["mkl"])
    monkeypatch.setattr(torch, "get_num_threads", lambda: machine["torch threads"])
    monkeypatch.setattr(routes.threadpoolctl, "threadpool_info", lambda: machine["libraries"])
    return machine


def choose(monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    """Take these libraries, whatever the processor."""
    monkeypatch.setattr(routes, "onednn", lambda: "onednn" in libraries)
    monkeypatch.setattr(routes, "openblas", lambda: "openblas" in libraries)


def setting() -> str:
    return str(torch.backends.mkldnn.matmul.fp32_precision)  # type: ignore[attr-defined]


def matrices(lanes: int, dtype: torch.dtype, rows: int, inner: int, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Two factors and a place for their product; without lanes where there is one."""
    random = torch.Generator().manual_seed(0)
    a = torch.randn(lanes, rows, inner, generator=random, dtype=dtype)
    b = torch.randn(lanes, inner, columns, generator=random, dtype=dtype)
    out = torch.full((lanes, rows, columns), torch.nan, dtype=dtype)
    return (a[0], b[0], out[0]) if lanes == 1 else (a, b, out)


def padded(matrix: Tensor) -> Tensor:
    """The same numbers in longer rows."""
    wide = matrix.new_full((*matrix.shape[:-1], matrix.shape[-1] + 3), torch.nan)
    wide[..., : matrix.shape[-1]] = matrix
    return wide[..., : matrix.shape[-1]]


def transposed(matrix: Tensor) -> Tensor:
    """The same numbers, column after column."""
    return matrix.mT.contiguous().mT


@every_stack
@pytest.mark.parametrize("libraries", [(), ("onednn",), ("openblas",), ("openblas", "onednn")], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_products_whatever_the_route(
    lanes: int, libraries: tuple[str, ...], dtype: torch.dtype, shape: tuple[int, int, int], monkeypatch: Any
) -> None:
    if "onednn" in libraries and not routes.onednn():
        pytest.skip("oneDNN would round to bfloat16 here")
    choose(monkeypatch, *libraries)
    before = setting()
    a, b, out = matrices(lanes, dtype, *shape)
    expected = a.double() @ b.double()
    for left, right in [(a, b), (padded(a), padded(b)), (transposed(a), b), (a, transposed(b))]:
        place = padded(out)
        routes.product(left, right, place)()
        torch.testing.assert_close(place.double(), expected, rtol=0, atol=1e-4)
        assert setting() == before


@pytest.mark.parametrize("libraries", [(), ("openblas",)], ids=str)
@pytest.mark.parametrize("inner", [1, 5])
def test_a_product_reads_its_buffers_where_they_are(
    libraries: tuple[str, ...], inner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, *libraries)
    a, b, out = matrices(1, torch.float32, 4, inner, 3)
    multiply = routes.product(a, b, out)
    for factor in (1, -2):
        a.mul_(factor)
        multiply()
        torch.testing.assert_close(out, a @ b)


def kind(*shape: int, lanes: int = 1, dtype: torch.dtype = torch.float32) -> object:
    """The function that such a product goes by."""
    return routes.product(*matrices(lanes, dtype, *shape)).func  # type: ignore[attr-defined]


@every_stack
def test_large_products_alone_go_by_onednn(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    default = torch.mm if lanes == 1 else torch.bmm
    choose(monkeypatch, "onednn")
    assert kind(10, 1000, 1000, lanes=lanes) is routes._by_onednn
    assert kind(10, 1000, 999, lanes=lanes) is default
    assert kind(10, 1000, 1000, lanes=lanes, dtype=torch.float64) is default


@every_stack
def test_openblas_takes_all_but_the_large_ones(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "openblas", "onednn")
    assert kind(10, 1000, 1000, lanes=lanes) is routes._by_onednn
    assert kind(10, 1000, 999, lanes=lanes) is np.matmul
    assert kind(2, 2, 1, lanes=lanes) is np.matmul
    assert kind(64, 64, 64, lanes=lanes, dtype=torch.float64) is (torch.mm if lanes == 1 else torch.bmm)
    choose(monkeypatch, "openblas")
    assert kind(10, 1000, 1000, lanes=lanes) is np.matmul


def test_another_device_s_products_are_pytorch_s(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "openblas", "onednn")
    a, b, out = (torch.empty(300, 700, device="meta") for _ in range(3))
    assert routes.product(a, b.mT, out).func is torch.mm  # type: ignore[attr-defined]


def test_a_product_that_fails_leaves_the_setting_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "onednn")
    monkeypatch.setattr(routes, "LARGE", 1)
    before, a = setting(), torch.empty(2, 3)
    for stack in (a, a.expand(2, 2, 3)):
        multiply = routes.product(stack, stack, torch.empty(1))
        with pytest.raises(RuntimeError):
            multiply()
        assert setting() == before


def test_the_route_is_the_same_however_often_it_is_asked_for() -> None:
    first = routes.route()
    for _ in range(3):
        routes.onednn.cache_clear()
        routes.openblas.cache_clear()
        assert routes.route() == first


@pytest.mark.parametrize(
    ("libraries", "words"),
    [
        ((), "default"),
        (("onednn",), "onednn"),
        (("openblas",), "openblas"),
        (("openblas", "onednn"), "openblas, onednn"),
    ],
)
def test_the_route_in_words(libraries: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, *libraries)
    assert routes.route() == words


def test_onednn_is_not_taken_where_it_rounds_more_than_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOYGAN_ROUTE", raising=False)
    monkeypatch.setattr(routes, "error", lambda: 2e-3)
    assert not routes.onednn()


def test_the_default_can_be_asked_for(amd: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOYGAN_ROUTE", "default")
    assert routes.route() == "default"


def test_openblas_is_taken_on_amd_s_processors_with_avx512(amd: dict[str, Any]) -> None:
    assert routes.openblas()


@pytest.mark.parametrize("threads", [1, 2])
def test_openblas_is_judged_by_numpy_s_own_whether_scipy_s_is_loaded_or_not(amd: dict[str, Any], threads: int) -> None:
    amd["libraries"] = [library("Haswell", 2, "/python/scipy.libs/libopenblas.so"), library("SkylakeX", threads)]
    assert routes.openblas() == (threads == 1)


def test_openblas_is_judged_by_the_only_one_where_numpy_and_scipy_share_it(amd: dict[str, Any]) -> None:
    amd["libraries"] = [library("SkylakeX", path="/usr/lib/libopenblas.so.0")]
    assert routes.openblas()
    routes.openblas.cache_clear()
    amd["libraries"] = [library("SkylakeX", 2, "/usr/lib/libopenblas.so.0")]
    assert not routes.openblas()


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("processor", "Intel(R) Xeon(R) Platinum 8481C"),
        ("processor", ""),
        ("numpy", "accelerate"),
        ("numpy", "mkl-sdl"),
        ("mkl", False),
        ("torch threads", 4),
        ("libraries", []),
        ("libraries", [library("SkylakeX", threads=4)]),
        ("libraries", [library("Haswell")]),
        ("libraries", [library("neoversen1")]),
    ],
)
def test_openblas_is_not_taken_elsewhere(what: str, found: object, amd: dict[str, Any]) -> None:
    amd[what] = found
    assert not routes.openblas()


def test_what_is_asked_of_this_machine_has_an_answer() -> None:
    assert isinstance(routes._processor(), str)
    assert routes._numpy_blas()
