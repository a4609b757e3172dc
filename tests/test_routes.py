"""The route of matrix products follows from the processor alone, is exact, and is set for single products only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from toygan import routes


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    routes.route.cache_clear()
    yield
    routes.route.cache_clear()


def setting() -> str:
    return str(torch.backends.mkldnn.matmul.fp32_precision)  # type: ignore[attr-defined]


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("found", ["onednn", "default"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_are_products_whatever_the_route(
    lanes: int, found: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    if found == "onednn" and routes.route() != "onednn":
        pytest.skip("oneDNN would round to bfloat16 here")
    monkeypatch.setattr(routes, "route", lambda: found)
    before = setting()
    for rows in (3, 768):
        a, b = torch.randn(lanes, rows, 128, dtype=dtype), torch.randn(lanes, 128, 128, dtype=dtype)
        out = torch.empty_like(a)
        call = routes.product(a, rows * 128 * 128)
        call(*((a[0], b[0], out[0]) if lanes == 1 else (a, b, out)))
        torch.testing.assert_close(out.double(), a.double() @ b.double(), rtol=0, atol=1e-4)
        assert setting() == before


def test_large_products_alone_go_by_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "route", lambda: "onednn")
    for lanes in (1, 3):
        single, double = torch.empty(lanes, 1), torch.empty(lanes, 1, dtype=torch.float64)
        default = routes.product(single, routes.LARGE - 1)
        assert routes.product(single, routes.LARGE) is not default
        assert routes.product(double, routes.LARGE) is default


def test_a_product_that_fails_leaves_the_setting_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "route", lambda: "onednn")
    before, a = setting(), torch.empty(1, 2, 3)
    for stack in (a, a.expand(2, 2, 3)):
        call = routes.product(stack, routes.LARGE)
        with pytest.raises(RuntimeError):
            call(stack, stack, torch.empty(1))
        assert setting() == before


def test_the_route_is_the_same_however_often_it_is_asked_for() -> None:
    first = routes.route()
    for _ in range(3):
        routes.route.cache_clear()
        assert routes.route() == first


def test_a_route_that_rounds_more_than_single_precision_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOYGAN_ROUTE", raising=False)
    monkeypatch.setattr(routes, "error", lambda: 2e-3)
    assert routes.route() == "default"


def test_the_default_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOYGAN_ROUTE", "default")
    assert routes.route() == "default"
