"""`fit_generator`: generators, functions that make them, sequences."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import fittool as ft
from fittool.errors import UserCodeError


def batches(x, y, size=10):
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


def endless(x, y):
    while True:
        yield from batches(x, y)


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


class Sequence:
    def __init__(self, x, y):
        self.x, self.y, self.ends, self.asked = x, y, 0, []

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.asked.append(index)
        return self.x[index * 10 : index * 10 + 10], self.y[index * 10 : index * 10 + 10]

    def on_epoch_end(self):
        self.ends += 1


def unshuffled(model, x, y, **arguments):
    model.fit(x, y, batch_size=10, shuffle=False, **{"verbose": 0, "epochs": 2, **arguments})
    return model


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_endless_generator_with_steps(make, x, y, workers):
    ours = make()
    ours.fit_generator(endless(x, y), steps_per_epoch=5, epochs=2, verbose=0, workers=workers, max_queue_size=2)
    assert same(ours, unshuffled(make(), x, y))


def test_a_generator_gives_no_more_than_is_asked_for(make, x, y):
    generator, ours = endless(x, y), make()
    for _ in range(4):
        ours.fit_generator(generator, steps_per_epoch=3, epochs=1, verbose=0)
    assert same(ours, unshuffled(make(), x, y, epochs=6, steps_per_epoch=2))


def test_a_finite_generator_is_one_pass(make, x, y):
    ours = make()
    ours.fit_generator(batches(x, y), verbose=0)
    assert same(ours, unshuffled(make(), x, y, epochs=1))


def test_a_used_up_generator_is_a_clear_error(model, x, y):
    """Keras trains later epochs on the two batches that it had looked at."""
    with pytest.raises(UserCodeError, match="gave no batches in pass 2"):
        model.fit_generator(batches(x, y), epochs=2, verbose=0)


def test_a_function_makes_a_new_generator_for_each_epoch(make, x, y):
    ours = make()
    ours.fit_generator(lambda: batches(x, y), epochs=2, verbose=0)
    assert same(ours, unshuffled(make(), x, y))


def test_a_generator_that_ends_early_is_an_error_with_both_numbers(model, x, y):
    """Keras warns and ends the epoch."""
    with pytest.raises(UserCodeError, match="ended after 5 of 7 batches"):
        model.fit_generator(batches(x, y), steps_per_epoch=7, verbose=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sequence_is_walked_over_each_epoch(make, x, y, workers):
    ours, sequence = make(), Sequence(x, y)
    ours.fit_generator(sequence, epochs=2, verbose=0, workers=workers)
    assert same(ours, unshuffled(make(), x, y))
    assert sequence.asked == [0, 1, 2, 3, 4] * 2
    assert sequence.ends == 2


def test_initial_epoch_does_not_skip_batches(make, x, y):
    sequence = Sequence(x, y)
    history = make().fit_generator(sequence, epochs=3, initial_epoch=2, verbose=0)
    assert history.epoch == [2]
    assert sequence.asked == [0, 1, 2, 3, 4]


def test_fit_takes_generators_too(make, x, y):
    ours = make()
    ours.fit(endless(x, y), steps_per_epoch=5, epochs=2, verbose=0)
    assert same(ours, unshuffled(make(), x, y))


def test_fit_with_a_generator_refuses_targets(model, x, y):
    with pytest.raises(ValueError, match="go with arrays"):
        model.fit(endless(x, y), y, verbose=0)


def test_fit_generator_refuses_arrays(model, x, y):
    with pytest.raises(ValueError, match="fit_generator needs a generator"):
        model.fit_generator((x, y), verbose=0)


def test_validation_by_a_sequence(make, x, y):
    ours = make()
    history = ours.fit_generator(Sequence(x, y), epochs=2, verbose=0, validation_data=Sequence(x, y), validation_steps=2)
    assert history.history["val_loss"][-1] == pytest.approx(ours.evaluate(x[:20], y[:20], verbose=0)["loss"])


def test_a_generator_for_validation_is_remembered(make, x, y):
    """Each validation sees the same batches, though a generator cannot be walked over twice."""
    ours = make()
    arguments = {"validation_data": batches(x, y), "validation_steps": 3, "epochs": 3, "verbose": 0}
    history = ours.fit_generator(Sequence(x, y), **arguments)
    assert history.history["val_loss"][-1] == pytest.approx(ours.evaluate(x[:30], y[:30], verbose=0)["loss"])


def test_validation_arrays_with_a_generator(make, x, y):
    ours = make()
    history = ours.fit_generator(Sequence(x, y), verbose=0, validation_data=(x, y), validation_batch_size=7)
    assert history.history["val_loss"] == [pytest.approx(ours.evaluate(x, y, verbose=0)["loss"])]


def test_sample_weights_of_a_generator(make, x, y):
    weights, ours = np.linspace(0, 2, 50), make()
    parts = zip(batches(x, y), np.split(weights, 5), strict=True)
    ours.fit_generator(((*pair, part) for pair, part in parts), verbose=0)
    assert same(ours, unshuffled(make(), x, y, epochs=1, sample_weight=weights))


def test_threads_make_batches_ahead(model, x, y):
    names = set()

    def watched():
        for pair in endless(x, y):
            names.add(threading.current_thread().name)
            yield pair

    model.fit_generator(watched(), steps_per_epoch=20, verbose=0, workers=2)
    assert any(name.startswith("fittool-data") for name in names)


def test_mappings_are_told_apart_by_name(make_two, x, y, z):
    ours, listed = make_two(), make_two()
    ours.fit_generator(iter([({"input": x}, {"size": z, "kind": y})]), verbose=0)
    listed.fit(x, [y, z], batch_size=50, epochs=1, verbose=0, shuffle=False)
    assert same(ours, listed)


def test_an_item_of_wrong_form_names_the_batch(model, x):
    with pytest.raises(UserCodeError, match=r"generator, batch 1 is an? .*expected \(inputs, targets\)"):
        model.fit_generator(iter([x]), verbose=0)


def test_an_error_of_the_generator_names_it(model, x, y):
    def broken():
        yield x, y
        raise KeyError("lost")

    with pytest.raises(UserCodeError, match="generator failed in batch 2"):
        model.fit_generator(broken(), steps_per_epoch=2, verbose=0)


@pytest.mark.parametrize(("name", "value"), [("workers", -1), ("max_queue_size", 0), ("steps_per_epoch", 0), ("view_metrics", 3)])
def test_wrong_arguments(model, x, y, name, value):
    with pytest.raises(ValueError, match=name):
        model.fit_generator(endless(x, y), **{"steps_per_epoch": 1, "verbose": 0, name: value})


def test_predict_and_evaluate_take_generators(model, x, y):
    assert model.predict(pair[0] for pair in batches(x, y)).shape == (50, 3)
    assert model.evaluate(batches(x, y), verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0, batch_size=10))
    assert model.predict(Sequence(x, y), steps=2).shape == (20, 3)


def test_the_function_of_the_callable_is_called_once_a_pass(model, x, y):
    calls = itertools.count()

    def function():
        next(calls)
        return list(batches(x, y))

    model.fit_generator(function, epochs=3, verbose=0, callbacks=[ft.callbacks.TerminateOnNaN()])
    assert next(calls) == 3


def test_view_metrics_keeps_a_page_in_the_working_directory(model, x, y, tmp_path):
    pytest.importorskip("jinja2"), pytest.importorskip("matplotlib")
    model.fit_generator(Sequence(x, y), epochs=2, verbose=0, view_metrics=True)
    assert (tmp_path / "report.html").exists()


def test_without_view_metrics_there_is_no_page(model, x, y, tmp_path):
    model.fit_generator(Sequence(x, y), epochs=2, verbose=0, view_metrics=False)
    assert list(tmp_path.iterdir()) == []
