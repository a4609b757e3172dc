"""Work on tensors, recorded once and replayed: on CUDA as a CUDA graph, on the processor as a tape that is its twin.

A replay does the recorded operations again, in the memory in which they were recorded, and no Python in between: what
is other from one replay to the next has to be written into tensors that the work reads. A graph costs one launch
instead of one an operation, which at small sizes is most of the time; a tape costs more than the work itself, and is
there to tell, where there is no GPU, what a graph would do.

Autograd inside the work is recorded like the rest, as the operations it launches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

#: How often work runs before it is captured, so that libraries are loaded and have chosen their kernels.
WARM_UP = 3

Work = Callable[[], object]


class Recording(Protocol):
    """What was recorded."""

    def replay(self) -> None:
        """Do it again, on what its tensors hold now."""


def record(work: Work, device: torch.device) -> Recording:
    """A recording of work all of whose tensors are on ``device``. Meanwhile the work runs, once or several times.

    Raises where the work cannot be replayed: on CUDA PyTorch's error, on the processor a ``ValueError`` that says why.
    """
    if device.type == "cuda":
        return _Graph(work, device)
    tape = Tape(device)
    with tape:
        work()
    return tape


class _Graph:
    """Work captured in a CUDA graph, with a pool of memory of its own, as PyTorch's notes on CUDA graphs have it."""

    def __init__(self, work: Work, device: torch.device) -> None:
        # Of the tensors that were there before the capture a graph knows the addresses alone.
        self._work = work
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                work()
        torch.cuda.current_stream(device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may go on: the host draws in some, and autograd has its own.
        with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
            work()

    def replay(self) -> None:
        """See ``Recording``."""
        self._graph.replay()


class Tape(TorchDispatchMode):
    """The operations that ran while this was the mode, on ``device``, to be run again on the same memory.

    What an operation made anew is kept, and a replay writes it there again; views stay as they are. Work that a CUDA
    graph could not replay raises ``ValueError``: a tensor's value read by Python, a shape that follows from values, a
    tensor made of Python's numbers, tensors of two devices. Python's numbers are on the tape as they were, as they are
    in a graph. NumPy's work is not on it: products have to be PyTorch's, as on a GPU (``TOYGAN_ROUTE=default``).
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device
        self._operations: list[tuple[Any, Any, Any, list[Tensor | None]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation, and note it."""
        kwargs = kwargs or {}
        # In inference mode operations that consist of others come whole, and a read would be hidden in them.
        with self:
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        if reason := _obstacle(func):
            raise ValueError(f"{func} cannot be replayed: {reason}")
        made = func(*args, **kwargs)
        for tensor in _tensors((args, kwargs, made)):
            if tensor.device.type != self._device.type:
                raise ValueError(f"{func} cannot be replayed: it takes {tensor.device} and {self._device} together")
        known = {_memory(tensor) for tensor in _tensors((args, kwargs))}
        fresh = [None if _memory(tensor) in known else tensor for tensor in _tensors(made)]
        if func._schema.is_mutable or any(tensor is not None for tensor in fresh):
            self._operations.append((func, args, kwargs, fresh))
        return made

    def replay(self) -> None:
        """See ``Recording``."""
        with torch.no_grad():
            for func, args, kwargs, places in self._operations:
                for place, tensor in zip(places, _tensors(func(*args, **kwargs)), strict=True):
                    if place is not None:
                        place.copy_(tensor)


def _obstacle(func: Any) -> str:
    """Why a CUDA graph cannot have this operation, or nothing."""
    if torch.Tag.data_dependent_output in func.tags:
        return "Python reads a tensor's value"
    if torch.Tag.dynamic_output_shape in func.tags:
        return "its shape follows from values"
    if func is torch.ops.aten.lift_fresh.default:
        return "it makes a tensor of Python's numbers"
    return ""


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _memory(tensor: Tensor) -> int:
    """Which memory a tensor is a view of; told by the storage, since empty ones have no address."""
    return tensor.untyped_storage()._cdata
