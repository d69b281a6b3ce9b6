from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from cli.commands import FROM_PICTURES

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

HOSTILE = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The tags of a page with their attributes, its headings, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.headings = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data
        if self.tags and self.tags[-1][0] == "h2" and data.strip():
            self.headings.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def reported(fittool, folder):
    """The page of a run."""

    def reported(run, *options):
        done = fittool("report", run.path, *options)
        assert done.code == 0, done.err
        assert done.out == f"{run.path}/report.html\n"
        return Page((run.path / "report.html").read_text())

    return reported


def test_everything_about_a_run_of_classes(fittool, small, reported):
    run = fittool("train", small).run
    page = reported(run)
    kept = json.loads((run.path / "evaluation.json").read_text())
    wanted = {"Result", "Learning curves", "By class", "What is taken for what", "The worst mistakes", "Network", "The run"}
    assert wanted <= set(page.headings)
    assert f"reaches accuracy {kept['accuracy']:.3f}" in page.text
    assert f"{kept['metrics']['loss']['low']:.4f} to {kept['metrics']['loss']['high']:.4f}" in page.text
    for row in kept["per_class"]:
        assert f"{row['recall']:.3f}" in page.text
    assert "conv2d" in page.text.lower()
    assert "name: small" in page.text


def test_nothing_is_fetched_and_no_script_runs(fittool, small, reported):
    page = reported(fittool("train", small).run)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object")]
    sources = [one["src"] for one in page.of("img")]
    assert sources and all(source.startswith("data:image/png;base64,") for source in sources)
    assert all(one["href"].startswith("#") for one in page.of("a"))
    assert "default-src 'none'" in page.of("meta")[1]["content"]


def test_what_others_wrote_stays_text(fittool, write, pictures, reported):
    (pictures / "dog").rename(pictures / HOSTILE.replace("/", "\u2215"))
    run = fittool("train", write(*FROM_PICTURES)).run
    page = reported(run)
    assert page.of("script") == []
    assert "<script>alert(1)" in page.text


def test_every_picture_and_drawing_has_words_and_every_table_can_be_scrolled_by_keys(fittool, small, reported):
    page = reported(fittool("train", small).run)
    assert all(one.get("alt") for one in page.of("img"))
    assert all(one.get("aria-label") or one.get("aria-hidden") for one in page.of("svg"))
    scrolled = [one for one in page.of("div") if one.get("class") == "scroll"]
    assert len(scrolled) == len(page.of("table"))
    assert all(one["tabindex"] == "0" and one["aria-label"] for one in scrolled)
    links, identities = {one["href"][1:] for one in page.of("a")}, {one.get("id") for _, one in page.tags}
    assert links <= identities


def test_numbers_have_a_scatter_and_residuals(fittool, write, folder, reported):
    rows = ["a,b,y", *(f"{a},{a % 5},{2 * a + a % 3}" for a in range(40))]
    (folder / "numbers.csv").write_text("\n".join(rows) + "\n")
    path = write(
        ("npz: {path: small.npz}", "csv: {path: numbers.csv, label: y}"),
        ("    - Rescaling: {scale: 1/255}\n    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n", ""),
        ("    - Flatten\n", ""), ("    - Dropout: {rate: 0.25}\n", ""), ("units: 3, activation: softmax", "units: 1"),
        ("sparse_categorical_crossentropy", "mse"), ("[accuracy]", "[mae]"),
    )  # fmt: skip
    page = reported(fittool("train", path).run)
    assert {"Numbers", "Which columns matter", "The worst mistakes"} <= set(page.headings)
    labels = {one.get("aria-label") for one in page.of("svg")}
    assert {"Predicted against true", "Residuals"} <= labels


def test_data_that_are_gone_leave_a_report_without_them(fittool, small, folder, reported):
    run = fittool("train", small).run
    (folder / "small.npz").unlink()
    page = reported(run)
    assert "The run could not be measured here" in page.text
    assert {"Learning curves", "Network"} <= set(page.headings)
    assert "By class" not in page.headings


def test_many_classes_are_a_map(fittool, write, folder, reported):
    images = np.random.default_rng(0).integers(0, 256, (160, 6, 6, 1), dtype=np.uint8)
    np.savez(folder / "many.npz", x=images, y=np.arange(160) % 40)
    run = fittool("train", write(("small.npz", "many.npz"), ("units: 3", "units: 40"))).run
    page = reported(run)
    assert any((one.get("aria-label") or "").startswith("Confusion matrix") for one in page.of("svg"))


def test_pictures_for_other_documents(fittool, small, reported):
    run = fittool("train", small).run
    reported(run)
    found = {path.name: path.read_bytes() for path in (run.path / "plots").iterdir()}
    assert {"loss.png", "accuracy.png", "confusion.png", "reliability.png"} <= set(found)
    assert all(content.startswith(b"\x89PNG") for content in found.values())


def test_another_place(fittool, small, folder):
    run = fittool("train", small).run
    assert fittool("report", run.path, "--out", "page.html").out == "page.html\n"
    assert (folder / "page.html").exists()
    assert fittool("report", run.path, "--out", "page.txt").code == 2


def test_without_the_extra_it_says_what_to_install(fittool, small, monkeypatch):
    run = fittool("train", small).run
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = fittool("report", run.path)
    assert (done.code, "pip install 'fittool[report]'" in done.err) == (6, True)
