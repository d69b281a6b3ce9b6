"""The pages in a real browser: nothing is said on its console, and nothing is asked for. Skipped where there is no Chromium."""

from __future__ import annotations

import shutil
import subprocess

import pytest

pytest.importorskip("jinja2")

from fittool.report.pages.comparison_page import ComparedCurves, comparison_page

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed (apt-get install chromium)")
HOSTILE = '"><img src="http://localhost:9/x" onerror="console.error(1)"><script>console.error(2)</script>'


def opened(path):
    """What the browser says on its console, and the document as it is then."""
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--v=0",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line], done.stdout


@pytest.fixture
def page(tmp_path):
    rows = [{"epoch": epoch, "loss": 1 / epoch, HOSTILE: epoch} for epoch in range(1, 6)]
    text = comparison_page(ComparedCurves([HOSTILE, "b"], [rows, rows[:3]], {HOSTILE: [HOSTILE, 1]}, {"loss": [0.2, 0.3]}))
    path = tmp_path / "page.html"
    path.write_text(text)
    return path


def test_names_of_others_do_nothing(page):
    said, document = opened(page)
    assert said == []
    assert "<img" not in document and "<script" not in document
    assert document.count("<polyline") == 4


def test_a_page_that_runs_code_would_be_noticed(tmp_path):
    (tmp_path / "bad.html").write_text("<script>console.error('here')</script>")
    said, _ = opened(tmp_path / "bad.html")
    assert len(said) == 1
