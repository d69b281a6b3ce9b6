"""Compiles the kernels while hatch builds a wheel or an editable install; without a compiler there are none, and that is fine."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface[Any]):  # type: ignore[misc, unused-ignore]  # hatchling is there only while building
    """Called by hatch, which finds it by the path in pyproject.toml."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and put what was made into the wheel, which is then one for this platform.

        Args:
            version: `standard` or `editable`.
            build_data: What hatch is told.
        """
        if self.target_name != "wheel":
            return
        made, told = _compiling().compile_here()
        self.app.display_info(f"fittool: {told}")
        if made and version != "editable":
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
            build_data["force_include"].update({str(path): f"fittool/kernels/libraries/{path.name}" for path in made})


def _compiling() -> Any:
    """The module beside this file; fittool itself cannot be imported while it is being built."""
    path = Path(__file__).with_name("compiling.py")
    found = importlib.util.spec_from_file_location("fittool_kernels_compiling", path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    import sys

    sys.modules[found.name] = module  # dataclasses look their module up there
    found.loader.exec_module(module)
    return module
