"""The group of `fittool.process_group` over `torch.distributed`: gloo between processors, NCCL between NVIDIA's cards."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from fittool.distributed.board import Board, Failure
from fittool.distributed.environment import RankEnvironment
from fittool.distributed.watch import Watch
from fittool.errors import FittoolError, MachineError, OtherProcessError, Problem

Value = TypeVar("Value")
_TIMEOUT = timedelta(days=1)  # one process may read data for long; those that fail, or fall silent, are heard of by the watch
_WORD = {True: 3.0, False: 1.0}
"""Seconds in which fittool's launcher, or torchrun's process itself, has left word why a connection broke."""


class TorchGroup:
    """The processes of a job, each of which does the same calls in the same order.

    Objects travel pickled, as in PyTorch's own collectives: whoever can write to the job's network can run code in it.

    Args:
        place: Which process this is.
        board: Where failures are told.
        watch: Told when this process is ending.
        uses_gpu: Whether tensors on NVIDIA's cards are to be added up too.

    Attributes:
        agreed: The error that all have agreed to end with, or None.
    """

    def __init__(self, place: RankEnvironment, board: Board, watch: Watch, *, uses_gpu: bool = False) -> None:
        self.rank, self.size, self._launched = place.rank, place.size, place.launched
        self.agreed: FittoolError | None = None
        self._board, self._watch = board, watch
        backend = "cpu:gloo,cuda:nccl" if uses_gpu else "gloo"
        store = dist.PrefixStore("group", board.store)  # type: ignore[attr-defined]  # documented there, not marked as exported
        self._call(lambda: dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.size, timeout=_TIMEOUT))
        # What is agreed on must never wait for a card, so it has connections of its own there.
        self._words: Any = self._call(lambda: dist.new_group(backend="gloo", timeout=_TIMEOUT)) if uses_gpu else dist.group.WORLD

    def sum(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Arrays (any shape) added up over all processes in float64, in the order of the ranks: the same bits in all of them."""
        flat = np.concatenate([np.zeros(0), *(np.ravel(array) for array in arrays.values())])
        parts = [torch.empty(len(flat), dtype=torch.float64) for _ in range(self.size)]
        self._call(lambda: dist.all_gather(parts, torch.from_numpy(flat), group=self._words))
        total = parts[0].numpy()
        for part in parts[1:]:
            total = total + part.numpy()
        ends = np.cumsum([array.size for array in arrays.values()])
        pieces = np.split(total, ends[:-1]) if arrays else []
        return {name: piece.reshape(array.shape) for (name, array), piece in zip(arrays.items(), pieces, strict=True)}

    def sum_in_place(self, tensor: Any) -> None:
        """Add a tensor up over all processes where it lies; on a card nothing waits for the result."""
        self._call(lambda: dist.all_reduce(tensor))

    def broadcast(self, value: Value) -> Value:
        """The leader's value, for all."""
        return self._sent_by(0, value)

    def agree(self, value: Value | None) -> Value | None:
        """The value of the first process that has one, or None, which costs one number's way."""
        first = torch.tensor([self.size if value is None else self.rank], dtype=torch.int32)
        self._call(lambda: dist.all_reduce(first, op=dist.ReduceOp.MIN, group=self._words))
        if int(first) == self.size:
            return None
        found = self._sent_by(int(first), value)
        if isinstance(found, FittoolError):
            self.agreed, self._watch.is_ending = found, True
        return found

    def fail(self, error: BaseException) -> None:
        """Leave word on the board, and let go of the connections, which wakes whoever waits at their other ends."""
        self._watch.is_ending = True
        if self.has_agreed_to(error) or isinstance(error, OtherProcessError):
            return
        self._board.fail(failure_of(self.rank, error))
        self._let_go()

    def interruption(self) -> FittoolError | None:
        """The error that ends the training once the launcher is gone."""
        return self._watch.interruption()

    def note_directory(self, path: str) -> None:
        """Leave word of the run directory for the launcher."""
        self._board.note_directory(path)

    def has_agreed_to(self, error: BaseException) -> bool:
        """True for the error that all have agreed to end with, and for one that was made of it."""
        return self.agreed is not None and self.agreed in (error, error.__cause__)

    def close(self) -> None:
        """Let go of the connections, once all is done; after a failure, of those that wait for nothing."""
        if self._watch.is_ending:
            self._let_go()
        elif dist.is_initialized():
            dist.destroy_process_group()

    def _let_go(self) -> None:
        """Close the connections between processors, which wakes the others; cards may wait in a call that never ends."""
        if self._words is not None and dist.is_initialized():
            dist.destroy_process_group(self._words)
        self._words = None

    def _sent_by(self, rank: int, value: Value) -> Value:
        """The value of one process, for all."""
        sent = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL) if rank == self.rank else b""
        length = torch.tensor([len(sent)], dtype=torch.int64)
        self._call(lambda: dist.broadcast(length, rank, group=self._words))
        content = bytearray(sent) if sent else bytearray(int(length))
        self._call(lambda: dist.broadcast(torch.frombuffer(content, dtype=torch.uint8), rank, group=self._words))
        if rank == self.rank:
            return value
        received: Value = pickle.loads(content)
        return received

    def _call(self, work: Callable[[], Value]) -> Value:
        """Do a call of all processes.

        Raises:
            OtherProcessError: Another process failed meanwhile.
            MachineError: A connection broke, and nobody left word why.
        """
        try:
            return work()
        except RuntimeError as error:
            raise self._cause_of(error) from error

    def _cause_of(self, error: RuntimeError) -> FittoolError:
        failure = self._board.failure_within(_WORD[self._launched])
        if failure is not None and failure.rank != self.rank:
            return failure.error()
        lost = "lost contact with another process of the training, which may have been killed, for lack of memory for instance"
        reason = str(error).partition(chr(10))[0].partition(" This is typically")[0]  # what follows is advice for others
        return MachineError(f"This process {lost}. {reason}")


def failure_of(rank: int, error: BaseException) -> Failure:
    """The failure of a process, whatever it met."""
    if isinstance(error, FittoolError):
        return Failure.of(rank, error)
    if isinstance(error, KeyboardInterrupt):
        return Failure(rank, 128 + int(getattr(error, "signal_number", 2)))
    if isinstance(error, MemoryError):
        return Failure(rank, MachineError.code, (Problem("Out of memory. A smaller batch_size needs less."),))
    details = "".join(traceback.format_exception(error))
    return Failure(rank, FittoolError.code, (Problem(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"),), details)
