"""What all subjects share: how often and how each side is measured, and the peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks.measuring import Figure, Turns, side_by_side
from tests.benchmarks.peers.client import OURS, PEERS, WorkerError, Workers, missing
from tests.benchmarks.peers.work import Work


@dataclass(frozen=True)
class Bench:
    """How to measure.

    Attributes:
        turns: How often each side is measured.
        short: Whether only to prove that everything runs: once, on little.
        wall: Whether the clock is read while two cores compute, and not the processor's time on one.
        former: Another build of fittool: an environment, or a checkout.
        peers: Which may be measured.
        workers: Their processes.
    """

    turns: int = 5
    short: bool = False
    wall: bool = False
    former: Path | None = None
    peers: tuple[str, ...] = tuple(PEERS)
    workers: Workers = field(default_factory=Workers)

    @property
    def threads(self) -> int:
        """Of each peer."""
        return 2 if self.wall else 1

    @property
    def batches(self) -> tuple[int, ...]:
        """Sizes of batches that are measured."""
        return (32,) if self.short else (32, 128)

    def size(self, full: int, little: int) -> int:
        """How much is to be done."""
        return little if self.short else full

    def compare(self, sides: Mapping[str, Callable[[], float]], *, warm: bool = True, on_two: bool = False) -> Turns:
        """All sides in turn.

        Args:
            sides: By name, what measures once.
            warm: Whether the first turn is to be dropped.
            on_two: Whether the figure is about two cores, whatever was asked for.
        """
        return side_by_side(sides, self.turns, warm=warm and not self.short, on_two=(on_two or self.wall) and not self.short)

    def side(self, peer: str, work: Work) -> Callable[[], float]:
        """A peer's turn, in seconds as asked for."""
        return self.workers.side(peer, replace(work, threads=self.threads), "wall" if self.wall else "processor")

    def beside_peers(self, work: Work, wanted: Mapping[str, float | None], **others: Work) -> tuple[Turns, list[Figure]]:
        """Our side of some work and each peer's, in turn.

        Args:
            work: What all do.
            wanted: By peer what its time over ours should be.
            others: What our side does besides, by the names of further sides.

        Returns:
            All sides that could be measured, and a figure without a value for each peer that could not.
        """
        sides, left_out = {"fittool": self.side(OURS, work)}, []
        sides |= {name: self.side(OURS, other) for name, other in others.items()}
        for peer, least in wanted.items():
            called, package = PEERS[peer][0], missing(peer)
            if peer not in self.peers or package is not None:
                left_out.append(Figure(called, None, least, note="not asked for" if package is None else f"no {package}"))
                continue
            sides[called] = self.side(peer, work)
            try:
                sides[called]()  # which warms it up, too
            except WorkerError as error:
                del sides[called]
                left_out.append(Figure(called, None, least, note=str(error), broken=True))
        return self.compare(sides), left_out

    def against_peers(self, name: str, work: Work, wanted: Mapping[str, float | None], **others: Work) -> list[Figure]:
        """A figure for each peer: its time over ours."""
        took, left_out = self.beside_peers(work, wanted, **others)
        note = took.in_numbers("ms", 1e3)
        found = []
        for peer, least in wanted.items():
            called = PEERS[peer][0]
            if called in took:
                found.append(took.figure(f"{name}: {called} / fittool", called, "fittool", least, note="" if found else note))
        found += [replace(figure, name=f"{name}: {figure.name} / fittool") for figure in left_out]
        if not any(figure.value is not None for figure in found):
            found.append(took.figure(f"{name}: fittool alone", "fittool", "fittool", None, note=note))
        return found
