"""What is imported when: a light `import fittool`, and a `fittool --help` that needs click alone."""

from __future__ import annotations

import json
import subprocess
import sys

REPORT = "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
HELP = """
import fittool.cli
sys.argv = ["fittool", "--help"]
try:
    fittool.cli.main()
except SystemExit as end:
    assert not end.code
"""


def imported_by(code: str) -> set[str]:
    """The modules beside the standard library that a fresh Python imports for some code."""
    script = f"import sys; before = set(sys.modules)\n{code}\n{REPORT}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names = json.loads(done.stdout.splitlines()[-1])
    return {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}


def test_import_fittool_imports_nothing_else() -> None:
    assert imported_by("import fittool") == {"fittool", "fittool.version"}


def test_help_imports_click_alone() -> None:
    names = imported_by(HELP)
    assert {name.split(".")[0] for name in names} == {"click", "fittool"}
    assert {name for name in names if name.startswith("fittool")} == {
        "fittool", "fittool.version", "fittool.cli", "fittool.cli.exit", "fittool.errors",
    }  # fmt: skip


def test_training_imports_neither_pillow_nor_rich_without_need() -> None:
    code = "import os; os.environ['FITTOOL_VERBOSE'] = '0'; import fittool.experiment, fittool.cli.train"
    assert {"PIL", "rich"} & {name.split(".")[0] for name in imported_by(code)} == set()
