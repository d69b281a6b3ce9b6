from __future__ import annotations

import numpy as np
import pytest
from cli.commands import FROM_PICTURES, fittool, folder, pictures, small, write

from fittool.experiment.own_data import own_data
from fittool.experiment.reporting.seen import seen_of
from fittool.experiment.trained_run import open_trained

__all__ = ["fittool", "folder", "pictures", "small", "write"]
AUGMENTED = (
    "  validation_split: 0.25\n",
    "  mode: fit_generator\n  validation_split: 0.25\naugmentation: {rotation_range: 40}\n",
)


@pytest.fixture
def seen(fittool):
    def seen(config):
        run = open_trained(fittool("train", config).run.path)
        return run, seen_of(run, own_data(run, "train")[0])

    return seen


def test_pictures_are_shown_as_they_are_and_as_epochs_change_them(seen, write, pictures):
    _, found = seen(write(*FROM_PICTURES, AUGMENTED))
    assert len(found.pictures) == 5
    for name, (original, *changed) in found.pictures:
        assert name in ("cat", "dog")
        assert original.shape == (6, 6, 1)
        assert len(changed) == 4
        assert all(not np.array_equal(original, one) for one in changed)
    assert "as the first epochs showed them" in found.told


def test_what_the_first_layers_make_of_the_values_is_told(seen, small):
    _, found = seen(small)
    assert all(len(images) == 1 for _, images in found.pictures)
    shown = np.stack([images[0] for _, images in found.pictures])
    low, high = shown.min(), shown.max()
    assert found.scaled == f"The network's Rescaling then makes {low / 255:.4g} to {high / 255:.4g} of {low:.4g} to {high:.4g}."


def test_the_first_samples_are_those_of_the_first_batch(seen, small):
    run, found = seen(small)
    train = own_data(run, "train")[0]
    rows = {train.load(np.array([at]))[0][0][0].tobytes() for at in range(len(train))}
    assert all(images[0].tobytes() in rows for _, images in found.pictures)
    assert len({images[0].tobytes() for _, images in found.pictures}) == len(found.pictures) == 12


def test_rows_of_a_table_are_the_numbers_that_the_network_gets(seen, write, folder):
    lines = ["a,colour,y", *(f"{place % 5}.5,{('red', 'blue')[place % 2]},{place % 2}" for place in range(40))]
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    text = """\
data: {train: {csv: {path: table.csv, label: y}}, column_defaults: {number: {scale: standard}}}
model: {layers: [{Dense: {units: 2, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 2, validation_split: 0.25, shuffle: false}
"""
    run, found = seen(write(text=text))
    assert [name for name, _ in found.rows] == list(run.encoder.layout.names)
    assert found.samples == ["0", "1", "0", "1", "0"]
    numbers = dict(found.rows)
    assert numbers["a"] == pytest.approx([(at - 2) / np.sqrt(2) for at in range(5)], rel=1e-5)
    assert numbers["colour=red"] == [1, 0, 1, 0, 1]
