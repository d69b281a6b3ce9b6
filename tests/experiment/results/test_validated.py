from __future__ import annotations

import csv
import io

import numpy as np

from fittool.data.dataset import ArrayDataset
from fittool.experiment.results.validated import validated_samples


def rows(names, labels=None, classes=None):
    data = ArrayDataset(np.zeros((len(names), 2)), labels=labels, describe=lambda index: names[index])
    return list(csv.reader(io.StringIO(validated_samples(data, classes).decode())))


def test_names_begin_below_the_folder_that_all_lie_in():
    assert rows(["/home/me/data/cat/1.png", "/home/me/data/dog/1.png"]) == [["sample"], ["cat/1.png"], ["dog/1.png"]]
    assert rows(["/data/a.csv:2", "/data/a.csv:3"])[1:] == [["a.csv:2"], ["a.csv:3"]]
    assert rows(["/data/cats/1.png", "/data/cars/1.png"])[1:] == [["cats/1.png"], ["cars/1.png"]]
    assert rows(["/data/only.png"])[1:] == [["only.png"]]


def test_classes_are_named():
    labels = np.array([1, 0, -1])
    assert rows(["a", "b", "c"], labels, ("cat", "dog")) == [["sample", "class"], ["a", "dog"], ["b", "cat"], ["c", ""]]


def test_terrible_names_are_cells_and_no_formulas():
    assert rows(["=1+1", 'a "quoted", name', "two\nlines"])[1:] == [["'=1+1"], ['a "quoted", name'], ["two\nlines"]]
