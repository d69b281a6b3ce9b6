"""One process as a member of a job: it joins the group, and leaves it together with the others.

Whatever ends a training ends it in all processes, with one exit code and one message. An error that all have agreed on is the
leader's to show; one that a single process met is told to the others, who end by it, and shown once, with the rank.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
import torch.distributed as dist

from fittool.distributed.board import Board, Failure, named_problem
from fittool.distributed.environment import RankEnvironment
from fittool.distributed.torch_group import TorchGroup, failure_of
from fittool.distributed.watch import Watch
from fittool.errors import (
    CheckpointError,
    DivergedError,
    FittoolError,
    OtherProcessError,
    RequirementError,
    RunInUseError,
    UsageError,
)

_LOOK = 0.05  # seconds between two looks at the board
_FIRST_WORD = 2.0  # seconds in which an error that nobody expected may turn out to be the echo of another process's
_SAME = 0.5  # seconds in which others may meet the same error
_LEADERS_TURN = 2.0  # seconds in which the leader may show an error, who first clears its display
_LAST_LINES = 0.3  # seconds for the leader's last lines, behind its word that it has left
"""A launcher ends the others as soon as one process has ended, so nobody may leave before the leader."""
_OF_LEADER = (UsageError, RunInUseError, CheckpointError)
"""Errors of what the leader does for all, which are no matter of one process."""
_OF_ALL = (DivergedError, RequirementError)
"""Errors that all processes meet, as they come from sums over all."""


@contextmanager
def join(place: RankEnvironment, show: Callable[[OtherProcessError], None]) -> Iterator[TorchGroup]:
    """The group of a job, within this context.

    Args:
        place: Which process this is; its graphics card, where there are enough, is that with its number on this machine.
        show: Shows a failure where this process cannot leave in the ordinary way.

    Raises:
        MachineError: The others cannot be reached.
        OtherProcessError: Another process failed. It says so in one process, and in all others nothing.
    """
    board = Board.connect(place, serves=not place.is_served and place.rank == 0)
    watch = Watch(place, show)
    watch.start()
    member = Member(place, board, watch)
    try:
        yield member.join()
        member.leave()
    except BaseException as error:
        watch.is_ending = True
        ending = member.end_with(error)
        if ending is error:
            raise
        raise ending from None
    finally:
        watch.close()
        with suppress(RuntimeError):
            member.close()


class Member:
    """This process.

    Args:
        place: Which one it is.
        board: Its connection to the others' words.
        watch: Hears of failures meanwhile.
    """

    def __init__(self, place: RankEnvironment, board: Board, watch: Watch) -> None:
        self._place, self._board, self._watch = place, board, watch
        self._group: TorchGroup | None = None

    def join(self) -> TorchGroup:
        """The group, once all are there.

        Raises:
            OtherProcessError: One of them failed before.
        """
        self._board.arrive(self._place.rank)
        # Not left to PyTorch, whose calls hear no signal while they wait.
        while not self._board.is_complete(self._place.size):
            if (failure := self._board.failure()) is not None:
                raise failure.error()
            time.sleep(_LOOK)
        self._group = TorchGroup(self._place, self._board, self._watch, uses_gpu=_takes_own_card(self._place))
        return self._group

    def close(self) -> None:
        """Let go of the group."""
        if self._group is not None:
            self._group.close()

    def leave(self) -> None:
        """All is done; the leader goes first."""
        with suppress(ConnectionError):
            self._leave()

    def end_with(self, error: BaseException) -> BaseException:
        """The error with which this process leaves: what it shows, or one that says nothing where another process shows it."""
        try:
            return self._ending(error)
        except ConnectionError:  # the launcher is gone, so nobody can say who shows what
            return error if self._place.rank == 0 or not self._is_agreed(error) else _silent(error)

    def _ending(self, error: BaseException) -> BaseException:
        if self._is_agreed(error):
            self._leave()
            failure = self._board.failure()  # the leader's disk may have been full
            if self._place.rank == 0:
                return error
            return _silent(error) if failure is None else OtherProcessError((), failure.exit_code)
        failure = self._failure_for(error)
        if isinstance(error, KeyboardInterrupt) and failure.rank == self._place.rank:
            return error
        ending = self._to_show(error, failure) if failure.problems and self._shows() else OtherProcessError((), failure.exit_code)
        if self._place.rank == 0:
            self._board.leave(0)
        return ending

    def _is_agreed(self, error: BaseException) -> bool:
        return self._group is not None and self._group.has_agreed_to(error)

    def _failure_for(self, error: BaseException) -> Failure:
        """The failure that counts, now that this process has ended with an error."""
        known = self._board.failure()
        if known is None and not isinstance(error, FittoolError | KeyboardInterrupt):
            known = self._board.failure_within(_FIRST_WORD)
        if isinstance(error, FittoolError) and not isinstance(error, OtherProcessError):
            self._board.note_error(self._place.rank, str(error))
        return self._board.fail(failure_of(self._place.rank, error)) if known is None else known

    def _shows(self) -> bool:
        """True for the one process that shows the failure: the leader, unless it cannot."""
        if self._place.rank and self._board.is_shown(_LEADERS_TURN):
            return False
        return self._board.claims_showing(self._place.rank)

    def _to_show(self, error: BaseException, failure: Failure) -> BaseException:
        rank, size = self._place.rank, self._place.size
        if isinstance(error, OtherProcessError):
            return failure.error()
        if isinstance(error, FittoolError) and self._concerns_all(error):
            return error
        if failure.rank != rank:
            return failure.error()
        if isinstance(error, FittoolError):
            error.problems = tuple(named_problem(one, rank) for one in error.problems)
        else:
            error.add_note(f"This was rank {rank} of {size}.")
        return error

    def _concerns_all(self, error: FittoolError) -> bool:
        """True for an error of which it does not matter which process met it."""
        rank, size = self._place.rank, self._place.size
        if isinstance(error, _OF_ALL) or (rank == 0 and isinstance(error, _OF_LEADER)):
            return True
        return self._board.is_met_by_others(rank, size, str(error), _SAME)

    def _leave(self) -> None:
        if self._place.rank == 0:
            self._board.leave(0)
            return
        while not self._board.has_left(0) and self._board.failure() is None:
            time.sleep(_LOOK)
        time.sleep(_LAST_LINES)


def _silent(error: BaseException) -> OtherProcessError:
    return OtherProcessError((), error.exit_code if isinstance(error, FittoolError) else FittoolError.code)


def _takes_own_card(place: RankEnvironment) -> bool:
    """True where there is a graphics card of NVIDIA's for this process, which is then the one that PyTorch calls `cuda`."""
    if not (torch.cuda.is_available() and dist.is_nccl_available()) or place.local_rank >= torch.cuda.device_count():
        return False
    torch.cuda.set_device(place.local_rank)
    return True
