"""Commands whose reads and writes obey the permission bits: as root they must give up the right to pass over them.

The process stays root and keeps its files, so that a checkout in a folder of root's own can still be imported.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

ORDINARY = () if os.geteuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""Before a command: it may read and write what the permission bits allow, and no more."""


@functools.cache
def obeys_permissions() -> bool:
    """Whether this machine can start such commands."""
    if not ORDINARY:
        return True
    if shutil.which(ORDINARY[0]) is None:
        return False
    return subprocess.run([*ORDINARY, "true"], capture_output=True, check=False).returncode == 0
