"""The source of a PyTorch module and its weights while they are being written."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.torch_format.helpers import HELPERS
from fittool.nn.graph import Node

Array: TypeAlias = NDArray[np.float32]

_OF_MODULES = """\
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr
float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers
named_children named_modules named_parameters parameters register_backward_hook register_buffer register_forward_hook
register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train training
type xpu zero_grad
"""
"""The public names of every module of PyTorch's."""
_RESERVED = frozenset([*_OF_MODULES.split(), *HELPERS, "torch", "nn", "F", "self", "step", "len", "float"])
"""Names that mean something else in the source, so no layer may have them."""


def literal(value: Any) -> str:
    """A value as Python writes it: tuples for lists."""
    if isinstance(value, list | tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    return repr(value)


@dataclass
class ModuleSource:
    """The lines of `__init__`, and the state dict that belongs to them.

    Attributes:
        made: Lines of `__init__`.
        state: The state dict, in PyTorch's layout.
        helpers: Names of the helping functions that are needed.
    """

    made: list[str] = field(default_factory=list)
    state: dict[str, Array] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    _names: dict[str, str] = field(default_factory=dict)

    def name_of(self, layer: str) -> str:
        """The attribute that a layer of this name becomes: a Python name that no other has."""
        if layer not in self._names:
            text = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in layer)
            is_taken = keyword.iskeyword(text) or text in _RESERVED
            text = f"layer_{text}" if is_taken or not text[:1].isalpha() else text
            number, free = 0, text
            while free in self._names.values():
                number += 1
                free = f"{text}_{number}"
            self._names[layer] = free
        return self._names[layer]

    def helper(self, name: str) -> str:
        """A helping function, which is written into the module then."""
        self.helpers.add(name)
        return name


@dataclass(frozen=True)
class TorchSite:
    """A layer that is being written.

    Attributes:
        source: The module so far.
        node: The layer in its place.
        weights: Its weights by their own names, in Keras's layout.
        attribute: The attribute that it becomes.
        is_first: Whether its weights are to be made: not where it shares those of a layer before it.
    """

    source: ModuleSource
    node: Node
    weights: Mapping[str, Array]
    attribute: str
    is_first: bool = True

    def module(self, made: str, state: Mapping[str, Array | None], suffix: str = "") -> str:
        """A module of PyTorch's as an attribute; returns how it is called.

        Args:
            made: The expression that makes it.
            state: Its weights by PyTorch's names; None for what it has not.
            suffix: Of the attribute, where the layer becomes several.
        """
        name = f"{self.attribute}{suffix}"
        if self.is_first:
            self.source.made.append(f"self.{name} = {made}")
            for key, array in state.items():
                if array is not None:
                    self.source.state[f"{name}.{key}"] = np.ascontiguousarray(array, np.float32)
        return f"self.{name}"

    def parameter(self, name: str, array: Array, *, learns: bool = True) -> str:
        """An array of its own as an attribute."""
        attribute = f"{self.attribute}_{name}"
        if self.is_first:
            empty = f"torch.empty({literal(array.shape)})"
            kind = f"self.{attribute} = nn.Parameter({empty})" if learns else f'self.register_buffer("{attribute}", {empty})'
            self.source.made.append(kind)
            self.source.state[attribute] = np.ascontiguousarray(array, np.float32)
        return f"self.{attribute}"

    def helper(self, name: str) -> str:
        """A helping function."""
        return self.source.helper(name)
