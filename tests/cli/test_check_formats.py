from __future__ import annotations

import json
import re

from fittool.cli.check_formats import finding, github_lines
from fittool.errors import Problem

WRONG = (("loss: sparse_categorical_crossentropy", "loss: sparse_categorical_crossentrop"), ("epochs: 2", "epochs: two"))


def test_json_has_an_object_for_each_experiment(fittool, write):
    good, bad = write(), write(*WRONG, name="bad.yaml")
    done = fittool("check", good, bad, "--format", "json")
    assert (done.code, done.err) == (3, "")
    first, second = json.loads(done.out)
    assert (first["config"], first["exit_code"]) == ("e.yaml", 0)
    assert "parameters" in first["summary"]
    assert (second["config"], second["exit_code"], second["summary"]) == ("bad.yaml", 3, "")
    errors = [one for one in second["findings"] if one["severity"] == "error"]
    assert [one["file"] for one in errors] == ["bad.yaml"] * 2
    lines = (bad.read_text()).splitlines()
    assert "crossentrop" in lines[errors[0]["line"] - 1] and "two" in lines[errors[1]["line"] - 1]
    assert errors[0]["column"] > 0


def test_github_gets_an_annotation_for_each_finding(fittool, write):
    done = fittool("check", write(*WRONG), "--format", "github")
    assert (done.code, done.err) == (3, "")
    assert [re.match(r"::error file=e\.yaml,line=\d+,col=\d+::", line) is not None for line in done.out.splitlines()] == [
        True
    ] * 2


def test_nothing_found_is_nothing_said_to_github(fittool, small):
    done = fittool("check", small, "--format", "github")
    assert (done.code, [line for line in done.out.splitlines() if line.startswith("::error")]) == (0, [])


def test_data_errors_are_of_the_line_that_names_the_data(fittool, write):
    done = fittool("check", write(("small.npz", "missing.npz")), "--format", "json")
    ((one,),) = (row["findings"] for row in json.loads(done.out))
    assert (done.code, one["file"], one["line"]) == (4, "e.yaml", 4)


def test_no_text_can_be_another_command():
    lines = list(github_lines([finding(Problem("100 % wrong\n::error::oops", "a,b:c.yaml:3:5"), "warning", "e.yaml")]))
    assert lines == ["::warning file=a%2Cb%3Ac.yaml,line=3,col=5::100 %25 wrong\\n::error::oops"]


def test_a_problem_without_a_place_is_of_the_experiment():
    found = finding(Problem("Too large.", "data/one.png"), "error", "e.yaml")
    assert found == {"severity": "error", "file": "e.yaml", "line": None, "column": None, "message": "data/one.png: Too large."}
