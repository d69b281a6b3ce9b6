#!/usr/bin/env bash
# Guess: a process that is killed while it writes into Optuna's JournalStorage leaves a lock that the next process takes over at once,
#   as it does with SQLite, whose locks the kernel frees.
# Seen with optuna 5.0.0, Python 3.11: the lock of JournalFileBackend is a file beside the journal, and the next process waits for it
#   30 seconds (its grace period) before it goes on, at the first thing that it writes. The journal is whole. With SQLite nobody waits.
# Output:
#   journal: waited for the dead process
#   sqlite: went on at once
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check optuna==5.0.0

cat > script.py <<'SCRIPT'
import os
import signal
import sys
import time

import optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
kind, began = sys.argv[1], time.monotonic()
storage = JournalStorage(JournalFileBackend("study.journal")) if kind == "journal" else RDBStorage("sqlite:///study.db")
study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True)
if sys.argv[2] == "dies":
    if kind == "journal":
        storage._backend._lock.acquire()  # which append_logs holds while it writes
    else:
        study.ask()
    os.kill(os.getpid(), signal.SIGKILL)
study.ask()
print(f"{kind}:", "waited for the dead process" if time.monotonic() - began > 20 else "went on at once")
SCRIPT
found=$(
    for kind in journal sqlite; do
        venv/bin/python script.py "$kind" begins > /dev/null
        venv/bin/python script.py "$kind" dies 2> /dev/null || true
        venv/bin/python script.py "$kind" goes-on
    done
)
echo "$found"
wanted="journal: waited for the dead process
sqlite: went on at once"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
