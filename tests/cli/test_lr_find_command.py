from __future__ import annotations

import json
import re

import pytest
from cli.commands import DIVERGING
from PIL import Image

from fittool.report.live_page import extra_is_there

EPOCHS = ("epochs: 2", "epochs: 20")


def test_table_and_suggestion_come_to_stdout_and_the_next_command_can_be_copied(fittool, write, folder):
    write(EPOCHS)
    before = sorted(path.name for path in folder.iterdir())
    done = fittool("lr-find", "e.yaml", "--steps", "40")
    lines = done.out.splitlines()
    assert (done.code, lines[0].split()) == (0, ["step", "rate", "loss", "smoothed"])
    assert [line.split()[0] for line in lines[1:-1]][:2] == ["1", "3"]
    suggestion = float(re.fullmatch(r"suggestion (\S+)", lines[-1])[1])
    assert f"Next: fittool train e.yaml --set compile.optimizer.Adam.learning_rate={suggestion:g}" in done.err
    assert "at most a tenth" in done.err
    assert sorted(path.name for path in folder.iterdir() if path.name != "lr-find.png") == before
    assert fittool("train", "e.yaml", "--smoke", "--set", f"compile.optimizer.Adam.learning_rate={suggestion:g}").code == 0


def test_json_has_every_step(fittool, small):
    found = json.loads(fittool("lr-find", small, "--steps", "20", "--json", "--from", "1e-4", "--to", "1e-2").out)
    assert len(found["steps"]) == 20
    assert [found["steps"][place]["rate"] for place in (0, -1)] == pytest.approx([1e-4, 1e-2])
    assert set(found) == {"suggestion", "rule", "diverged", "steps"}


def test_where_the_loss_explodes_at_once_nothing_is_suggested(fittool, small):
    done = fittool("lr-find", small, *DIVERGING, "--from", "1e20", "--to", "1e30")
    assert (done.code, done.out.splitlines()[-1]) == (0, "suggestion none")
    assert "where the loss had risen too far" in done.err and "Next:" not in done.err


@pytest.mark.skipif(not extra_is_there(), reason="needs the extra report")
def test_the_picture_is_drawn(fittool, small, folder):
    done = fittool("lr-find", small, "--steps", "30", "--out", "rates.png")
    assert "picture: rates.png" in done.err
    with Image.open(folder / "rates.png") as picture:
        assert picture.format == "PNG" and picture.width > 300


@pytest.mark.skipif(extra_is_there(), reason="is about the base install")
def test_without_the_extra_it_says_how_to_get_a_picture(fittool, small):
    assert "pip install 'fittool[report]'" in fittool("lr-find", small, "--steps", "10").err


def test_rates_must_rise(fittool, small):
    done = fittool("lr-find", small, "--from", "1", "--to", "0.1")
    assert (done.code, done.err) == (2, "error: --from must be below --to, got 1 and 0.1.\n")


def test_a_wrong_experiment_is_told_as_by_train(fittool, write):
    assert fittool("lr-find", write(("units: 3", "units: 0"))).code == 3
