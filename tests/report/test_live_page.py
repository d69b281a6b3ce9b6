from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

import fittool.report.live_page as module
from fittool.errors import MachineError
from fittool.report.live_page import LivePage, live_page
from fittool.training.display.progress import NullProgress
from fittool.training.plan import Plan

with_extra = pytest.mark.skipif(not module.extra_is_there(), reason="needs the extra report (matplotlib, jinja2)")
WILD = "</script><b>$x_1$ \x1b[31m \ud800 漢"
ROWS = [
    {"epoch": 1, "stage": "warm", "loss": 2.0, "val_loss": 3.0, WILD: 0.5, "seconds": 1.0},
    {"epoch": 2, "stage": "warm", "loss": 1.0, "_odd": float("nan"), WILD: 0.25, "seconds": 1.0},
]


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def charts(text):
    """The drawings with a name, and what is written in them."""
    return {found[0]: found[1] for found in re.findall(r'<svg class="chart"[^>]*aria-label="([^"]*)"[^>]*>(.*?)</svg>', text)}


@with_extra
def test_the_page_refers_to_nothing_outside():
    text = module.page("digits", ROWS, 9, "running")
    elements = Elements(text).found
    assert {tag for tag, _ in elements} & {"script", "link", "iframe", "b", "img"} == set()
    assert all(not {"href", "onload", "src"} & set(attributes) for _, attributes in elements)
    policy = next(
        attributes["content"] for tag, attributes in elements if attributes.get("http-equiv", "").startswith("Content-S")
    )
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@with_extra
def test_names_are_shown_letter_by_letter():
    text = module.page("<i>$a", ROWS, 9, "running")
    assert "&lt;i&gt;$a" in text and "<b>" not in text and "\x1b" not in text
    assert "&lt;/script&gt;&lt;b&gt;$x_1$ \\x1b[31m" in text
    assert any("$x_1$" in name for name in charts(text))


@with_extra
def test_a_value_and_that_of_the_validation_share_a_chart():
    found = charts(module.page("digits", ROWS, 9, "running"))
    assert len(found) == 2  # of a value that was never a number there is nothing to draw
    assert found["loss over the epochs"].count("<polyline") == 2
    assert "val_loss 3.0000" in found["loss over the epochs"]


@with_extra
def test_it_says_where_the_run_stands():
    text = module.page("digits", ROWS, 9, "running")
    assert "Epoch 2 of 9, stage warm, running." in text
    assert 'http-equiv="refresh"' in text
    assert 'http-equiv="refresh"' not in module.page("digits", ROWS, 9, "completed")
    assert '<th scope="row">loss</th><td>1.0000</td><td>1.0000</td><td>2.0000</td>' in text
    assert "best 1.0000 in epoch 2" in text


@with_extra
def test_a_thousand_epochs_of_many_values_stay_below_a_megabyte():
    names = [f"{part}{metric}_{number}" for number in range(20) for metric in ("precision", "recall") for part in ("", "val_")]
    rows = [
        {"epoch": epoch, **{name: math.sin(epoch * place) for place, name in enumerate(names, 1)}, "seconds": 1.0}
        for epoch in range(1, 1001)
    ]
    text = module.page("digits", rows, 1000, "running")
    assert len(charts(text)) == 40
    assert len(text.encode()) < 1_000_000


class Heard(NullProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def run(page, epochs=3):
    heard = Heard()
    FakeTrainer(FakeEngine(), FakeLoader(1), FakeLoader(1), [page], Plan(epochs), progress=heard).run()
    return heard.said


@with_extra
def test_it_is_there_after_the_first_epoch_and_complete_at_the_end(tmp_path):
    path = tmp_path / "report.html"
    states = []

    class Watching(LivePage):
        def on_epoch_end(self, epoch, logs=None):
            states.append(path.exists())

    (said,) = run(Watching(path, "digits", 3))
    assert said == f"The curves are in {path}, drawn anew while the training goes on."
    assert states == [False, True, True]
    assert "Epoch 3 of 3, completed." in path.read_text()


@with_extra
def test_pages_take_a_share_of_the_time_alone(tmp_path, monkeypatch):
    clock, drawn = [0.0], []

    def page(*arguments):
        drawn.append(clock[0])
        clock[0] += 0.02
        return "page"

    monkeypatch.setattr(module, "page", page)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    class Slow(LivePage):
        def on_epoch_end(self, epoch, logs=None):
            clock[0] += 0.1

    run(Slow(tmp_path / "report.html", "digits", 1000), epochs=1000)
    assert len(drawn) * 0.02 < 0.01 * 100
    assert len(drawn) > 10


def test_a_page_that_cannot_be_written_is_one_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "page", lambda *arguments: "page")
    (said,) = run(LivePage(tmp_path / "gone" / "report.html", "digits", 3))
    assert "warning: the live page cannot be drawn any more" in said


@pytest.mark.parametrize(
    ("asked", "there", "epochs", "wanted"),
    [
        ("auto", True, 2, True),
        ("auto", True, 1, False),
        ("auto", False, 2, False),
        (True, True, 1, True),
        (False, True, 2, False),
    ],
)
def test_when_there_is_a_page(tmp_path, monkeypatch, asked, there, epochs, wanted):
    monkeypatch.setattr(module, "extra_is_there", lambda: there)
    assert (live_page(asked, tmp_path / "a.html", "digits", epochs) is not None) == wanted


def test_a_page_without_the_extra_is_an_error_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_NEEDED", ("matplotlib", "no_such_package"))
    with pytest.raises(MachineError, match=r"no_such_package. Install the extra with: pip install 'fittool\[report\]'") as error:
        live_page(True, tmp_path / "a.html", "digits", 1)
    assert error.value.exit_code == 6
