"""Compiles the kernels while hatch builds a wheel or an editable install; without a compiler there are none, and that is fine."""

from __future__ import annotations

import importlib.util
import os
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
        compiling = _compiling()
        asked = os.environ.get(compiling.WHEEL_VARIABLE)
        if asked:
            made, tag = self._cross_compile(compiling, asked)
        else:
            made, told = compiling.compile_here()
            self.app.display_info(f"fittool: {told}")
            tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        if made and version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{tag}"
            build_data["force_include"].update({str(path): f"fittool/kernels/libraries/{path.name}" for path in made})

    def _cross_compile(self, compiling: Any, name: str) -> tuple[list[Path], str]:
        """The libraries for the platform of a name, and the wheel's tag; what goes wrong is an error then."""
        folder = Path(self.directory) / f"kernels-{name}"
        made = compiling.compile_for(compiling.PLATFORMS[name], compiling.find_compiler(), folder)
        return made, compiling.PLATFORMS[name].tag


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
