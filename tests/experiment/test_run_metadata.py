"""The files that a run begins with."""

import fittool as ft
from fittool.experiment.run_metadata import other_digits
from fittool.runs.directory import RunDirectory, foreign_files

TABLE = """\
data:
  train: {csv: {path: part.csv, label: kind}}
model: {preset: tabular}
compile: {optimizer: sgd, loss: sparse_categorical_crossentropy}
train: {epochs: 1, batch_size: 8, validation_split: 0.2}
"""


def test_a_run_that_ends_before_it_has_begun_leaves_nothing_that_is_foreign_to_it(tmp_path, monkeypatch):
    """The next start in the same directory finds the files that were written before environment.json, which makes it a run."""
    rows = "".join(f"{number},{'ab'[number % 2]},{'no' if number % 3 else 'yes'}\n" for number in range(40))
    (tmp_path / "part.csv").write_text(f"size,colour,kind\n{rows}")
    (tmp_path / "e.yaml").write_text(TABLE)
    before = []
    write = RunDirectory.write_environment

    def noted(directory, environment):
        before.append((foreign_files(directory.path), sorted(path.name for path in directory.path.iterdir())))
        write(directory, environment)

    monkeypatch.setattr(RunDirectory, "write_environment", noted)
    ft.train(tmp_path / "e.yaml", ft.TrainOptions(run_directory=tmp_path / "run", verbose="0"))
    foreign, there = before[0]
    assert foreign == []
    assert {"experiment.yaml", "classes.json", "inputs.json", "columns.json", "validation.csv"} <= set(there)


def test_another_engine_is_said_without_the_kernels_that_it_has_none_of():
    told = other_digits({"engine": ("torch", "numpy"), "kernels": (None, "native 1"), "threads": (1, 2)})
    assert told == "The run continues, but not bit-identical: engine torch → numpy."
    assert (
        other_digits({"kernels": ("numpy", "native 1")}) == "The run continues, but not bit-identical: kernels numpy → native 1."
    )
