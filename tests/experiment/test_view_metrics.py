from __future__ import annotations

import pytest
from experiment.part_two import trained, written

from fittool.config.experiment_file import load_experiment
from fittool.errors import MachineError
from fittool.experiment.options import view_metrics
from fittool.report import live_page


@pytest.mark.skipif(not live_page.extra_is_there(), reason="needs the extra report (matplotlib, jinja2)")
def test_a_run_has_a_page_beside_it(tmp_path, monkeypatch):
    monkeypatch.delenv("FITTOOL_VIEW_METRICS")
    run = trained(written(tmp_path, "{epochs: 2}"))
    page = (run.directory / "report.html").read_text()
    assert "Epoch 2 of 2, completed." in page
    assert "What is taken for what" in page  # the report of the whole run has taken the place of the live page


def test_no_page_where_none_is_wanted(tmp_path):
    assert not (trained(written(tmp_path, "{epochs: 2, view_metrics: false}")).directory / "report.html").exists()


def test_a_wanted_page_without_the_extra_is_an_error_before_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(live_page, "_NEEDED", ("no_such_package",))
    with pytest.raises(MachineError, match="pip install"):
        trained(written(tmp_path, "{epochs: 2, view_metrics: true}"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("written_value", "variable", "used"),
    [("auto", "false", False), ("auto", "1", True), ("auto", "auto", "auto"), ("true", "false", True), ("false", "true", False)],
)
def test_the_file_is_stronger_than_the_machine(tmp_path, monkeypatch, written_value, variable, used):
    monkeypatch.setenv("FITTOOL_VIEW_METRICS", variable)
    assert view_metrics(load_experiment(written(tmp_path, f"{{view_metrics: {written_value}}}"))) == used
