from __future__ import annotations

from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import ProgbarLogger, started
from fittool.training.display.choose import make_progress
from fittool.training.display.progress import NullProgress
from fittool.training.plan import Plan


def run(capsys, callbacks, progress):
    FakeTrainer(FakeEngine(), FakeLoader(1), None, started(callbacks), Plan(1), progress=progress).run()
    return capsys.readouterr().err


def test_it_shows_what_verbose_0_does_not(capsys):
    assert run(capsys, [], NullProgress()) == ""
    assert "1/1  loss 1.0000" in run(capsys, [ProgbarLogger()], NullProgress())


def test_it_shows_nothing_twice(capsys):
    assert run(capsys, [ProgbarLogger()], make_progress(2)).count("1/1  loss") == 1
