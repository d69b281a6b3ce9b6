from __future__ import annotations

from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")

from fittool.report.pages.comparison_page import ComparedCurves, comparison_page

HOSTILE = '<img src=x onerror=alert(1)>"\x07'


class Tags(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page():
    rows = [[{"epoch": 1, "loss": 0.5, HOSTILE: 1.0}, {"epoch": 2, "loss": 0.25, HOSTILE: 0.5}], [{"epoch": 1, "loss": 0.75}]]
    return comparison_page(ComparedCurves([HOSTILE, "b"], rows, {HOSTILE: [HOSTILE, None]}, {"loss": [0.25, 0.75]}))


def test_names_of_others_stay_text(page):
    tags = Tags(page)
    assert not [tag for tag, _ in tags.found if tag in ("img", "script", "link", "iframe")]
    assert "<img src=x onerror=alert(1)>" in tags.text
    assert "\x07" not in page


def test_nothing_is_fetched(page):
    assert not [attributes for _, attributes in Tags(page).found if {"src", "href"} & set(attributes)]


def test_curves_of_all_runs_are_in_one_chart(page):
    charts = [attributes["aria-label"] for tag, attributes in Tags(page).found if tag == "svg" and "aria-label" in attributes]
    assert charts[0] == "loss over the epochs"
    assert page.count("<polyline") == 3


def test_the_best_of_a_line_has_a_star(page):
    assert page.count("★") == 1
