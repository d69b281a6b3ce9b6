"""The place of this process among those that train together, as the variables say that `torchrun` and the launcher set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fittool.errors import UsageError

LAUNCH = "fittool-launch"
"""The name of a job that fittool started itself, where torchrun writes its own."""
_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class RankEnvironment:
    """The place of this process.

    Attributes:
        rank: Its number among all processes, from 0.
        size: The number of all processes, on all machines.
        local_rank: Its number among those of this machine, from 0; that of its GPU.
        address, port: Where the store of the job is.
        job: The name of the job and of its attempt, so that a second attempt does not read what the first one wrote.
        is_served: Whether the launcher serves the store; else rank 0 does.
        launched: Whether fittool's own launcher started it.
    """

    rank: int
    size: int
    local_rank: int
    address: str
    port: int
    job: str = ""
    is_served: bool = False
    launched: bool = False

    def variables(self) -> dict[str, str]:
        """The variables that say so, under torchrun's names."""
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.size),
            "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.size),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
            "TORCHELASTIC_RUN_ID": LAUNCH,
            "TORCHELASTIC_RESTART_COUNT": self.job.rpartition("/")[2] or "0",
            "TORCHELASTIC_USE_AGENT_STORE": str(self.is_served),
        }


def rank_environment(variables: Mapping[str, str]) -> RankEnvironment | None:
    """The place of this process, or None where it trains alone.

    Args:
        variables: Those of the process, `os.environ`.

    Raises:
        UsageError: Some of the variables make no sense.
    """
    if not all(variables.get(name) for name in _NEEDED) or variables["WORLD_SIZE"] == "1":
        return None
    run, attempt = variables.get("TORCHELASTIC_RUN_ID", ""), variables.get("TORCHELASTIC_RESTART_COUNT", "0")
    found = RankEnvironment(
        rank=_number(variables, "RANK"),
        size=_number(variables, "WORLD_SIZE"),
        local_rank=_number({"LOCAL_RANK": variables["RANK"], **variables}, "LOCAL_RANK"),
        address=variables["MASTER_ADDR"],
        port=_number(variables, "MASTER_PORT"),
        job=f"fittool/{run}/{attempt}",
        is_served=variables.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        launched=run == LAUNCH,
    )
    if found.rank >= found.size:
        text = f"RANK is {found.rank}, but WORLD_SIZE is {found.size}."
        raise UsageError(f"{text} Both are set by torchrun; unset them to train alone.")
    return found


def _number(variables: Mapping[str, str], name: str) -> int:
    text = variables[name]
    if not text.isascii() or not text.isdigit():
        raise UsageError(f'The environment variable {name} is "{text}", but has to be a number. torchrun sets it.')
    return int(text)
