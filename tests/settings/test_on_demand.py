"""Members of families and sections that are imported when somebody asks for them."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.callbacks import CALLBACKS
from fittool.config.experiment import Experiment
from fittool.data.sources import SOURCES
from fittool.data.splits.split_setting import VALIDATION
from fittool.engines.numpy_engine.layers import BRANCHES, OPERATIONS
from fittool.nn.layers import LAYERS, Dense, Input, TimeDistributed
from fittool.nn.presets import PRESETS
from fittool.settings import OnDemand, fields_of
from fittool.settings.lookup import forms_at
from fittool.settings.optional_section import OptionalSection

FAMILIES = [LAYERS, CALLBACKS, SOURCES, PRESETS]
PACKAGES = ["fittool.nn.layers", "fittool.callbacks", "fittool.data.sources", "fittool.nn.presets", "fittool.augmentation"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.kind)
def test_each_member_is_where_it_is_said_to_be_under_its_own_name(family):
    assert isinstance(family.members, OnDemand) and len(family.members) == len(list(family.members)) > 5
    for name, cls in family.members.items():
        assert cls.public_name() == name and family.class_of(name.upper()) is cls


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_what_it_names_and_nothing_else(package):
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module)) | {"Augmentation"}
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Dens'"):
        _ = module.Dens


def test_no_member_is_imported_before_it_is_asked_for():
    code = """
import sys
from fittool.nn.layers import LAYERS
assert "LSTM" in LAYERS.members and LAYERS.members.imported() == () and list(LAYERS.members)[0] == "Input"
assert LAYERS.class_of("lstm").__name__ == "LSTM"
print(*sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("fittool.nn.layers.")))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["aliases", "base", "recurrent"]


def test_an_object_of_a_member_is_taken_as_it_is():
    layer = Dense(3)
    assert LAYERS.parse(layer) is layer


def test_a_family_with_one_more_member_has_all_others_too():
    assert list(VALIDATION.members) == [*SOURCES.members, "split"]
    assert VALIDATION.class_of("npz") is SOURCES.class_of("npz") is not None


def test_values_by_class_are_found_for_their_classes_alone():
    class Dense:
        """Another class of that name."""

    assert LAYERS.members["Dense"] in OPERATIONS and Dense not in OPERATIONS and Input not in OPERATIONS
    assert set(OPERATIONS) == set(LAYERS.members.values()) - {Input} and len(OPERATIONS) == len(LAYERS.members) - 1
    assert TimeDistributed in BRANCHES and LAYERS.members["Dense"] not in BRANCHES
    with pytest.raises(KeyError, match="Dense"):
        _ = OPERATIONS[Dense]


def test_an_optional_section_is_validated_as_what_it_stands_for():
    field = fields_of(Experiment)["augmentation"]
    section = next(one for one in field.metadata if isinstance(one, OptionalSection))
    adapter = TypeAdapter(section.described)
    assert forms_at(Experiment, ("augmentation",)) == (section.described,)
    whole = TypeAdapter(Experiment)
    smallest = {"data": {"train": "synthetic"}, "model": {"layers": ["Flatten"]}, "compile": {"loss": "mse"}}
    assert whole.validate_python(smallest).augmentation is None
    assert whole.validate_python(smallest | {"augmentation": {"zoom_range": 0.1}}).augmentation == adapter.validate_python(
        {"zoom_range": 0.1}
    )
    with pytest.raises(ValidationError, match="zoom_rang") as told:
        whole.validate_python(smallest | {"augmentation": {"zoom_rang": 0.1}})
    with pytest.raises(ValidationError, match="zoom_rang") as alone:
        adapter.validate_python({"zoom_rang": 0.1})
    (found,), (expected,) = told.value.errors(include_url=False), alone.value.errors(include_url=False)
    assert found["loc"] == ("augmentation", *expected["loc"]) and found["type"] == expected["type"]
