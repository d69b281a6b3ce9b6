from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.experiment.aids.rate_test import RateTest, find_rate, setting_for, smooth, suggestion_of

ENGINES = ["numpy", *(["torch"] if find_spec("torch") else [])]
RATES = np.logspace(-6, 1, 100)


def valley(center, width=1.0):
    """A loss of 2 that falls to 1 about a rate, and rises behind it."""
    way = np.log10(RATES) - np.log10(center)
    return 2 - 1 / (1 + np.exp(-4 * (way + width))) + np.exp(3 * (way - width))


@pytest.mark.parametrize("center", [1e-3, 1e-2, 1e-1])
def test_the_suggestion_moves_with_the_valley_and_lies_before_its_ground(center):
    least = RATES[valley(center).argmin()]
    found = suggestion_of(RATES, valley(center))
    assert least / 100 < found <= least / 10 * 1.05  # it has two digits


def test_noise_changes_little():
    noisy = valley(1e-2) + np.random.default_rng(0).normal(0, 0.2, 100)
    test = RateTest.of(RATES.tolist(), noisy.tolist())
    assert suggestion_of(RATES, valley(1e-2)) / 4 < test.suggestion < suggestion_of(RATES, valley(1e-2)) * 4


def test_a_loss_that_never_falls_suggests_nothing():
    assert suggestion_of(RATES, np.linspace(1, 2, 100)) is None
    assert suggestion_of(RATES[:5], valley(1e-5)[:5]) is None


@pytest.mark.parametrize("count", [1, 2, 10, 100])
def test_smoothing_keeps_a_level_and_does_not_lag(count):
    np.testing.assert_allclose(smooth(np.full(count, 3.0)), 3.0)
    line = np.arange(float(count))
    middle = slice(count // 4, -(count // 4) or None)
    np.testing.assert_allclose(smooth(line)[middle], line[middle], atol=0.6)


TEXT = """\
name: test
data: {train: {npz: {path: data.npz}}}
model: {layers: [{Dense: {units: 16, activation: relu}}, {Dropout: 0.2}, {Dense: {units: 3, activation: softmax}}]}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 2, batch_size: 16, validation_split: 0.25}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    np.savez("data.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    Path("e.yaml").write_text(TEXT)
    return Path("e.yaml")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("engine", ENGINES)
def test_rates_rise_by_the_same_factor_and_nothing_is_left(config, tmp_path, engine):
    before = files(tmp_path)
    test = find_rate(load_experiment(config, [f"engine={engine}"]), lowest=1e-5, highest=1.0, steps=50)
    np.testing.assert_allclose(test.rates[1:] / test.rates[:-1], 1e5 ** (1 / 49), rtol=1e-6)
    assert len(test.losses) == 50 and not test.diverged
    assert 1e-4 < test.suggestion < 0.2
    assert files(tmp_path) == before


def test_the_same_call_gives_the_same_losses(config):
    first, second = (find_rate(load_experiment(config, []), steps=20) for _ in range(2))
    np.testing.assert_array_equal(first.losses, second.losses)


def test_the_first_losses_are_those_of_training_that_hardly_moves(config):
    # With a rate of nearly nothing every batch is measured by the network as it was drawn.
    test = find_rate(load_experiment(config, ["model.layers.1.Dropout.rate=0"]), lowest=1e-12, highest=1e-11, steps=19)
    from fittool.experiment.session import Session

    session = Session.of(load_experiment(config, ["model.layers.1.Dropout.rate=0"]))
    engine = session.engine
    for batch in (one for one, _ in zip(session.prepared.train_loader().batches(0), range(19), strict=False)):
        engine.test_step(batch)
    np.testing.assert_allclose(test.losses.mean(), engine.metrics()["loss"], rtol=2e-2)
    session.close()


def test_a_test_ends_once_the_loss_has_exploded(config):
    loaded = load_experiment(config, ["compile.optimizer=SGD", "model.layers.0.Dense.activation=linear"])
    test = find_rate(loaded, highest=1e30, steps=60)
    assert test.diverged
    assert np.isfinite(test.losses).all() and len(test.losses) < 60


@pytest.mark.parametrize(
    "overrides",
    [
        ["compile.optimizer={Adam: {learning_rate: {OneCycle: {max_learning_rate: 0.1, total: auto}}}}"],
        ["train.warmup_epochs=1"],
        ["train=[{epochs: 1, batch_size: 16, trainable: dense_1}, {epochs: 2}]"],
        ["train.mode=fit_generator"],
        ["callbacks=[{CSVLogger: {filename: log.csv}}, {ReduceLROnPlateau: {monitor: loss}}]"],
    ],
    ids=["schedule", "warmup", "stages", "fit_generator", "callbacks"],
)
def test_every_experiment_can_be_tested(config, tmp_path, overrides):
    before = files(tmp_path)
    test = find_rate(load_experiment(config, overrides), steps=30)
    assert len(test.losses) == 30
    assert files(tmp_path) == before


def test_a_users_own_loop_is_left_out(config, tmp_path):
    (tmp_path / "mine.py").write_text("def loop(model, batches, epoch):\n    raise RuntimeError('called')\n")
    test = find_rate(load_experiment(config, ["train.mode=train_on_batch", "train.loop=mine:loop"]), steps=12)
    assert len(test.losses) == 12


@pytest.mark.parametrize("length", ["", "steps_per_epoch: 3, "], ids=["of unknown length", "of known length"])
def test_a_users_function_is_called_pass_after_pass(config, tmp_path, length):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\ndef few():\n    for _ in range(3):\n        yield np.ones((4, 8), 'float32'), np.zeros(4)\n"
    )
    overrides = ["data.train={python: {function: 'mine:few'}}", f"train={{mode: fit_generator, {length}epochs: 1}}"]
    test = find_rate(load_experiment(config, overrides), steps=25)
    assert len(test.losses) == 25
    assert test.rates[-1] == pytest.approx(10)


WARM = "initial_learning_rate: 0, warmup_target: 0.1, warmup_steps: 3, decay_steps: 9"


@pytest.mark.parametrize(
    ("rate", "key"),
    [
        ("0.1", "SGD.learning_rate"),
        ("{OneCycle: {max_learning_rate: 0.1, total: auto}}", "SGD.learning_rate.OneCycle.max_learning_rate"),
        (f"{{CosineDecay: {{{WARM}}}}}", "SGD.learning_rate.CosineDecay.warmup_target"),
        ("{PiecewiseConstantDecay: {boundaries: [3], values: [1, 0.1]}}", "SGD.learning_rate"),
    ],
)
def test_the_setting_that_takes_the_rate_is_named(config, rate, key):
    loaded = load_experiment(config, [f"compile.optimizer={{SGD: {{learning_rate: {rate}}}}}"])
    assert setting_for(loaded) == f"compile.optimizer.{key}"


@pytest.mark.parametrize(
    ("stages", "key"),
    [
        ("[{epochs: 1, learning_rate: 0.1}, {epochs: 1, learning_rate: 0.01}]", "train.0.learning_rate"),
        ("[{epochs: 1}, {epochs: 1, learning_rate: 0.01}]", "compile.optimizer.Adam.learning_rate"),
    ],
)
def test_a_stage_with_a_rate_of_its_own_takes_it(config, stages, key):
    assert setting_for(load_experiment(config, [f"train={stages}"])) == key


@pytest.mark.parametrize(("head_epochs", "key"), [(0, "fine_tune.learning_rate"), (1, "compile.optimizer.Adam.learning_rate")])
def test_fine_tuning_without_a_stage_for_the_head_takes_it(config, head_epochs, key):
    loaded = load_experiment(config, [f"fine_tune={{head_epochs: {head_epochs}, epochs: 1, learning_rate: 0.001}}"])
    assert setting_for(loaded) == key
