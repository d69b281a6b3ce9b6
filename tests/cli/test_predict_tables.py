"""Predictions for the rows of tables: columns by name, a line for each row, rows that cannot be read told one by one."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image

CHANCE = np.random.default_rng(2)
AGES = CHANCE.integers(18, 80, 90)
TABLE = """\
name: prices
data:
  train: {csv: {path: prices.csv, label: price}}
  columns: {customer: key}
  column_defaults: {number: {scale: standard}}
  target: {scale: standard}
model: {layers: [{Dense: {units: 8, activation: relu}}, {Dense: {units: 1}}]}
compile: {optimizer: {Adam: {learning_rate: 0.02}}, loss: mean_squared_error, metrics: [mae]}
train: {epochs: 12, batch_size: 16, validation_split: 0.2}
"""
NEW = """\
share,sex,note,age,customer
5%,m,any,30,n1
5%,f,any,abc,n2
7%,f,any,,n3
9%,q,any,4000,n4
1%,f
12%,m,any,50,n6
"""
REASONS = {
    3: "row 2: column age: 'abc' is not a number.",
    6: "row 5: 2 fields, expected 5",
}


@pytest.fixture
def prices(fittool, write):
    """A run on customers with an age, sometimes missing, a sex and a share in percent."""
    rows = [
        f"c{number},{age if number % 9 else ''},{'mf'[number % 2]},{number % 50 + 1}%,{2000 + 50 * age + 300 * (number % 2)}"
        for number, age in enumerate(AGES)
    ]
    write(text="\n".join(["customer,age,sex,share,price", *rows]) + "\n", name="prices.csv")
    write(text=NEW, name="new.csv")
    return fittool("train", write(text=TABLE)).run.path


def lines(done):
    return list(csv.DictReader(io.StringIO(done.out)))


def test_bad_rows_are_listed_and_all_others_predicted(fittool, prices):
    done = fittool("predict", prices, "new.csv")
    assert done.code == 4
    assert [row["input"] for row in lines(done)] == ["new.csv:2", "new.csv:4", "new.csv:5", "new.csv:7"]
    for line, reason in REASONS.items():
        assert f"new.csv:{line}: {reason}" in done.err
    assert "4 predicted, 2 cannot be read. With --on-bad skip this is no error." in done.err


@pytest.mark.parametrize(("handling", "rows"), [("skip", [2, 4, 5, 7]), ("empty", [2, 3, 4, 5, 6, 7])])
def test_how_bad_rows_are_handled(fittool, prices, handling, rows):
    done = fittool("predict", prices, "new.csv", "--on-bad", handling)
    assert done.code == 0
    assert [row["input"] for row in lines(done)] == [f"new.csv:{line}" for line in rows]
    assert [row["input"] for row in lines(done) if not row["prediction"]] == [
        f"new.csv:{line}" for line in rows if line in REASONS
    ]
    assert done.err.count("warning: new.csv:") == len(REASONS)


@pytest.mark.parametrize(("handling", "row"), [("skip", ""), ("empty", "bad.csv:2,n1,\n")])
def test_no_good_row(fittool, prices, write, handling, row):
    write(text="customer,age,sex,share\nn1,old,f,3%\n", name="bad.csv")
    done = fittool("predict", prices, "bad.csv", "--on-bad", handling)
    assert (done.code, done.out) == (0, f"input,customer,prediction\n{row}")
    assert fittool("predict", prices, "bad.csv").code == 4


def test_the_order_of_columns_and_further_ones_do_not_matter(fittool, prices, write):
    write(text="customer,age,sex,share\nn1,30,m,5%\nn2,50,f,8%\n", name="one.csv")
    write(text="more,share,age,sex,customer\nx,5%,30,m,n1\nx,8%,50,f,n2\n", name="other.csv")
    one, other = (lines(fittool("predict", prices, name)) for name in ("one.csv", "other.csv"))
    assert [row["prediction"] for row in one] == [row["prediction"] for row in other]


def test_a_missing_column_is_named(fittool, prices, write):
    write(text="customer,ages,sex,share\nn1,30,m,5%\n", name="one.csv")
    done = fittool("predict", prices, "one.csv")
    assert (done.code, done.out) == (4, "")
    assert "There is no column age. Did you mean ages?" in done.err


def test_gaps_are_filled_as_in_training(fittool, prices, write):
    median = np.median([age for number, age in enumerate(AGES[:72]) if number % 9])
    write(text=f"customer,age,sex,share\nn1,,m,5%\nn2,NA,m,5%\nn3,{median},m,5%\n", name="one.csv")
    gap, word, filled = (float(row["prediction"]) for row in lines(fittool("predict", prices, "one.csv")))
    assert gap == word != filled


def test_what_training_has_not_seen_is_counted_in_one_warning(fittool, prices):
    (told,) = [line for line in fittool("predict", prices, "new.csv").err.splitlines() if "training" in line]
    assert told == (
        "warning: new.csv holds 1 value that training has not seen (sex 1: 'q') and 1 value far outside of the training range "
        "(age 1: '4000')."
    )


def test_keys_and_kept_columns_are_passed_through(fittool, prices):
    done = fittool("predict", prices, "new.csv", "--keep", "note", "--on-bad", "skip")
    assert [(row["customer"], row["note"]) for row in lines(done)] == [(name, "any") for name in ("n1", "n3", "n4", "n6")]


def test_percentages_and_numbers_are_not_mixed_up(fittool, prices, write):
    write(text="customer,age,sex,share\nn1,30,m,0.05\nn2,40,m,0.05\n", name="plain.csv")
    done = fittool("predict", prices, "plain.csv")
    assert (done.code, done.out) == (4, "")
    assert "column share: it holds numbers, but what the training data have there are percentages such as 12.5%" in done.err
    write(text="customer,age,sex,share\nn1,30,m,5%\nn2,40,m,0.05\nn3,40,m,6%\n", name="mixed.csv")
    done = fittool("predict", prices, "mixed.csv")
    assert [row["input"] for row in lines(done)] == ["mixed.csv:2", "mixed.csv:4"]
    assert "mixed.csv:3: row 2: column share: '0.05' is not a number as the others of this column are." in done.err


def test_evaluate_leaves_bad_rows_out_and_says_so(fittool, prices, write):
    head, *rows = NEW.splitlines()
    good = [f"{row},{price}" for row, price in zip(rows, (3500, 1, 5000, 9000, 1, 4500), strict=True)]
    good[4] = "1%,f"
    write(text="\n".join([f"{head},price", *good, "3%,m,any,40,n7,", "3%,m,any,40,n8,much"]) + "\n", name="more.csv")
    done = fittool("evaluate", prices, "--data", "more.csv")
    assert done.code == 4
    assert "4 rows cannot be read" not in done.err
    assert "3 rows cannot be read and are left out of the figures" in done.err
    assert "more.csv: 1 row without price left out." in done.err
    assert "more.csv:9: row 8: column price: 'much' is not a number." in done.err
    only = [row for number, row in enumerate(good) if number not in (1, 4)]
    write(text="\n".join([f"{head},price", *only]) + "\n", name="good.csv")
    assert done.out == fittool("evaluate", prices, "--data", "good.csv").out
    skipped = fittool("evaluate", prices, "--data", "more.csv", "--on-bad", "skip")
    assert (skipped.code, skipped.out) == (0, done.out)


def test_nothing_but_bad_rows_cannot_be_measured(fittool, prices, write):
    write(text="customer,age,sex,share,price\nn1,old,f,3%,7\n", name="bad.csv")
    done = fittool("evaluate", prices, "--data", "bad.csv", "--on-bad", "skip")
    assert (done.code, done.out) == (4, "")


def test_very_many_bad_rows_are_not_all_printed(fittool, prices, write):
    write(text="customer,age,sex,share\n" + "n1,old,f,3%\n" * 300 + "n2,30,f,3%\n", name="bad.csv")
    done = fittool("predict", prices, "bad.csv")
    assert "… and 200 more of this kind." in done.err
    assert "1 predicted, 300 cannot be read." in done.err


ARRAYS = """\
name: arrays
data: {train: {npz: {path: arrays.npz}}}
model: {layers: [{Dense: {units: 1}}]}
compile: {loss: mean_squared_error, metrics: [mae]}
train: {epochs: 1, batch_size: 16}
"""


def test_rows_of_an_array_that_hold_no_numbers(fittool, write):
    x = CHANCE.normal(size=(20, 3))
    np.savez("arrays.npz", x=x, y=x[:, 0])
    run = fittool("train", write(text=ARRAYS)).run.path
    x[3, 1], x[7] = np.nan, np.inf
    np.savez("new.npz", x=x, y=x[:, 2].clip(-9, 9))
    np.savez("good.npz", x=np.delete(x, [3, 7], axis=0), y=np.delete(x[:, 2], [3, 7]))
    done = fittool("predict", run, "new.npz")
    assert (done.code, len(lines(done))) == (4, 18)
    assert "new.npz: x[3] holds nan; finite numbers" in done.err
    assert "new.npz: x[7] holds inf (and 2 more values)" in done.err
    assert fittool("evaluate", run, "--data", "new.npz", "--on-bad", "skip").out == (
        fittool("evaluate", run, "--data", "good.npz").out
    )


PICTURES = """\
name: lux
data:
  train: {csv: {path: lux.csv, image: file, features: [age], label: lux}}
  image: {color_mode: grayscale}
  target: {scale: standard}
model:
  layers:
    - Input: {name: image}
    - Input: {name: features}
    - Flatten: {inputs: image, name: flat}
    - Concatenate: {inputs: [flat, features]}
    - Dense: {units: 1}
compile: {optimizer: {Adam: {learning_rate: 0.001}}, loss: mean_squared_error, metrics: [mae]}
train: {epochs: 2, batch_size: 8}
"""


def test_pictures_with_columns_beside_them(fittool, write, folder):
    rows = []
    for number in range(16):
        Image.fromarray(np.full((4, 4), 10 * number, np.uint8)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{number + 20},{1000 + number}")
    write(text="\n".join(["file,age,lux", *rows]) + "\n", name="lux.csv")
    run = fittool("train", write(text=PICTURES)).run.path
    write(text="file,age,lux\n1.png,30,1000\n2.png,old,1000\ngone.png,30,1000\n3.png\n4.png,31,1000\n", name="new.csv")
    done = fittool("predict", run, "new.csv", "--on-bad", "empty")
    assert done.code == 0
    assert [bool(row["prediction"]) for row in lines(done)] == [True, False, False, False, True]
    assert "row 2: column age: 'old' is not a number." in done.err
    assert "gone.png" in done.err


def test_a_fraction_with_a_comma_is_no_thousands(fittool, prices, write):
    write(text='customer,age,sex,share\nn1,"0,942",f,3%\nn2,30.5,m,5%\n', name="commas.csv")
    done = fittool("predict", prices, "commas.csv")
    assert (done.code, [row["customer"] for row in lines(done)]) == (4, ["n2"])
    assert "commas.csv:2: row 1: column age: '0,942' is not a number. Write 0.942." in done.err


@pytest.mark.parametrize("beside", ["30", ""], ids=["number", "gap"])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_a_number_that_is_too_large_is_a_bad_row_and_no_warning(fittool, prices, write, scale, beside):
    run = fittool("train", write(text=TABLE.replace("scale: standard}}\n", f"scale: {scale}}}}}\n", 1))).run.path
    write(text=f"customer,age,sex,share\nn1,1e39,f,3%\nn2,{beside},m,5%\n", name="large.csv")
    done = fittool("predict", run, "large.csv")
    assert (done.code, [row["customer"] for row in lines(done)]) == (4, ["n2"])
    assert "large.csv:2: row 1: column age: '1e39' is too large for float32. Scale the numbers." in done.err
