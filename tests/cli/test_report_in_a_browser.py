"""Reports in a real browser: nothing on the console, nothing loaded, and nothing that axe-core finds at levels A and AA."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browsing import chromium
from cli.commands import FROM_PICTURES

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from fittool.report import live_page
from fittool.report.pages.comparison_page import ComparedCurves, comparison_page

pytestmark = [
    pytest.mark.skipif(chromium.PROGRAM is None, reason=chromium.WHY_NOT),
    pytest.mark.skipif(not chromium.AXE.exists(), reason=chromium.WHY_NO_AXE),
]  # fmt: skip
HOSTILE = '"><img src="http:∕∕localhost:9∕x" onerror="console.error(1)"><script>console.error(2)<∕script>'
LOOKS = [(width, dark) for width in (375, 1440) for dark in (False, True)]
OF_NUMBERS = (
    ("npz: {path: small.npz}", "csv: {path: numbers.csv, label: y}"),
    ("    - Rescaling: {scale: 1/255}\n    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", ""),
    ("    - Flatten\n", ""), ("    - Dropout: {rate: 0.25}\n", ""), ("units: 3, activation: softmax", "units: 1"),
    ("sparse_categorical_crossentropy", "mse"), ("[accuracy]", "[mae]"),
)  # fmt: skip


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium.tab(tmp_path_factory.mktemp("profile")) as found:
        yield found


def check(tab, path, looks=LOOKS):
    """Nothing is wrong with a page at any width, in light and dark."""
    for width, dark in looks:
        tab.open(path, width=width, dark=dark)
        assert tab.said == []
        assert [address for address in tab.asked if not address.startswith(("file:", "data:"))] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the window"
        assert tab.violations() == []


def reported(fittool, config):
    run = fittool("train", config).run
    assert fittool("report", run.path).code == 0
    return run.paths.report


def test_a_page_that_is_wrong_would_be_noticed(tab, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<title>x</title><p style="color: #ccc">pale</p><img src="x.png"><script>console.error("here")</script>')
    tab.open(page)
    assert any("here" in text for text in tab.said)
    assert any(address.endswith("x.png") for address in tab.asked)
    found = " ".join(tab.violations())
    assert "color-contrast" in found and "image-alt" in found and "html-has-lang" in found


def test_the_report_of_pictures_with_hostile_class_names(tab, fittool, write, pictures):
    (pictures / "dog").rename(pictures / HOSTILE)
    augmented = (
        "  validation_split: 0.25\n",
        "  mode: fit_generator\n  validation_split: 0.25\naugmentation: {rotation_range: 20}\n",
    )
    path = reported(fittool, write(*FROM_PICTURES, augmented))
    check(tab, path)
    assert tab.evaluate("document.querySelectorAll('script, [onerror]').length") == 0
    assert HOSTILE in tab.evaluate("document.body.innerText")
    assert tab.evaluate("document.querySelectorAll('.strips img').length") == 5 * 5


def test_the_report_of_a_table(tab, fittool, write, folder):
    rows = ["a,b,y", *(f"{a},{a % 5},{2 * a + a % 3}" for a in range(40))]
    (folder / "numbers.csv").write_text("\n".join(rows) + "\n")
    check(tab, reported(fittool, write(*OF_NUMBERS)))


@pytest.fixture
def thousand(write, folder):
    """An experiment with a thousand classes of which most are taken for others."""
    images = np.random.default_rng(0).integers(0, 256, (4000, 2, 2, 1), dtype=np.uint8)
    np.savez(folder / "many.npz", x=images, y=np.arange(4000) % 1000)
    conv = ("    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", "")
    return write(("small.npz", "many.npz"), ("units: 3", "units: 1000"), conv)


def test_a_thousand_classes_are_readable(tab, fittool, thousand):
    path = reported(fittool, thousand)
    check(tab, path)
    assert tab.evaluate("document.querySelectorAll('table tr').length") < 200
    assert tab.evaluate("document.body.innerText.includes('The 60 of 1,000 with the least F1')")
    assert path.stat().st_size < 1_000_000


def test_the_live_page_and_the_comparison(tab, tmp_path):
    rows = [
        {"epoch": epoch, "loss": 1 / epoch, "val_loss": 2 / epoch, HOSTILE: epoch, "learning_rate": 0.1 / epoch, "seconds": 1.0}
        for epoch in range(1, 30)
    ]
    (tmp_path / "live.html").write_text(live_page.page(HOSTILE, rows, 40, "completed"))
    check(tab, tmp_path / "live.html")
    compared = ComparedCurves([HOSTILE, "b"], [rows, rows[:9]], {HOSTILE: [HOSTILE, 1]}, {"loss": [0.2, 0.3]})
    (tmp_path / "compared.html").write_text(comparison_page(compared))
    check(tab, tmp_path / "compared.html")


def test_all_of_it_is_printed(tab, fittool, small):
    path = reported(fittool, small)
    tab.open(path, width=800, media="print")
    assert tab.evaluate("[...document.querySelectorAll('details')].every(one => one.lastElementChild.offsetHeight > 0)")
    assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_links_lead_by_keys_to_the_parts(tab, fittool, small):
    tab.open(reported(fittool, small), width=800)
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert tab.evaluate("document.activeElement.textContent") == "Result"
    assert tab.evaluate("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))")


def test_ten_classes_of_ten_thousand_images_are_a_small_page(tab, fittool, write, folder):
    images = np.random.default_rng(0).integers(0, 256, (40_000, 8, 8, 1), dtype=np.uint8)
    np.savez(folder / "much.npz", x=images, y=np.arange(40_000) % 10)
    flat = ("    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", "")
    epochs = ("epochs: 2\n  batch_size: 8", "epochs: 1\n  batch_size: 256")
    run = fittool("train", write(("small.npz", "much.npz"), ("units: 3", "units: 10"), flat, epochs)).run
    assert fittool("report", run.path).code == 0
    assert json.loads(run.paths.evaluation.read_text())["samples"] == 10_000
    assert run.paths.report.stat().st_size < 3_000_000
    check(tab, run.paths.report, [(1440, False)])
