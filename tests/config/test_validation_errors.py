"""Planted mistakes in an experiment file, and the exact lines that tell them."""

# ruff: noqa: E501 (expected lines stay whole)
from __future__ import annotations

from collections.abc import Callable

import pytest

from fittool.config.experiment_file import limit, load_experiment
from fittool.errors import ExperimentError, Problem

Write = Callable[..., str]


def told(path: str) -> list[str]:
    """The problems of a file, each as one line."""
    with pytest.raises(ExperimentError, match=r"\A\S+:\d+:\d+: ") as caught:
        load_experiment(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # top level
        ("name: a b", '8:7: name must begin with a letter or digit and hold only letters, digits, \'.\', \'_\' and \'-\', at most 100, '
         'got the text "a b".'),
        ("name: 3", "8:7: name must be text, got 3. Put it in quotes."),
        ("name: ../x", '8:7: name must begin with a letter or digit and hold only letters, digits, \'.\', \'_\' and \'-\', at most 100, '
         'got the text "../x".'),
        ("seed: -1", "8:7: seed must be at least 0, got -1."),
        ("seed: true", "8:7: seed must be a whole number, got true."),
        ("seed: 1.0", "8:7: seed must be a whole number, got 1.0. Write 1."),
        ("seed: 99999999999999999999", "8:7: seed must be less than 9223372036854775808, got 99999999999999999999."),
        ("epochs: 3", "8:1: epochs is not a setting. It belongs in train."),
        ("sede: 3", "8:1: sede is not a setting. Did you mean seed?"),
        ('"a\\tb": 3', "8:1: The key 'a\\tb' holds the invisible character U+0009. Remove it."),
        ("engine: jax", "8:9: engine: no engine is called jax. There are numpy, torch, auto."),
        ("engine: {torch: {device: gpu}}", '8:26: engine.torch.device must be auto, cpu, cuda, cuda:0, cuda:1 and so on, or mps, got the text "gpu".'),
        ("engine: {numpy: {threads: 0}}", "8:27: engine.numpy.threads must be at least 1, got 0."),
        ("engine: {numpy: {thread: 1}}", "8:18: engine.numpy.thread is not a setting. Did you mean threads?"),
        ("engine: [numpy]", "8:9: engine must be the name of an engine, or one name with its arguments, got [numpy]."),
        ("callbacks: EarlyStopping", '8:12: callbacks must be a list, got the text "EarlyStopping". Write [EarlyStopping].'),
        ("callbacks: [EarlyStoping]", "8:13: callbacks[0]: no callback is called EarlyStoping. Did you mean EarlyStopping?"),
        ("train: 3", "8:8: train must be a mapping of settings, got 3."),
        ("output: {dir: 7}", "8:15: output.dir must be text, got 7. Put it in quotes."),
        ('output: {dir: ""}', '8:15: output.dir must not be empty, got the text "".'),
        ("output: {checkpoint: {every: often}}",
         '8:30: output.checkpoint.every must be epoch, a time such as 5m, or {steps: 500}, got the text "often".'),
        ("output: {checkpoint: {every: {steps: 0}}}", "8:38: output.checkpoint.every.steps must be at least 1, got 0."),
        # train
        ("train: {epohcs: 3}", "8:9: train.epohcs is not a setting. Did you mean epochs?"),
        ("train: {epochs: 0}", "8:17: train.epochs must be at least 1, got 0."),
        ("train: {epochs: 1e9}", "8:17: train.epochs must be a whole number, got 1000000000.0. Write 1000000000."),
        ('train: {epochs: "5"}', '8:17: train.epochs must be a whole number, got the text "5". Write 5 without quotes.'),
        ("train: {epochs: 010}",
         '8:17: train.epochs must be a whole number, got the text "010". Write decimal digits, without leading zeros and underscores.'),
        ("train: {epochs: 0x1F}",
         '8:17: train.epochs must be a whole number, got the text "0x1F". Write decimal digits, without leading zeros and underscores.'),
        ("train: {epochs: 12:30:45}", '8:17: train.epochs must be a whole number, got the text "12:30:45".'),
        ("train: {batch_size: -1}", "8:21: train.batch_size must be at least 1, got -1."),
        ("train: {batch_size: 1000000000000}", "8:21: train.batch_size must be at most 1000000, got 1000000000000."),
        ("train: {batch_size: [32]}", "8:21: train.batch_size must be a whole number, got [32]."),
        ("train: {batch_size: {a: 1}}", "8:21: train.batch_size must be a whole number, got a mapping."),
        ("train: {shuffle: yes}", '8:18: train.shuffle must be true or false, got the text "yes". Write true or false.'),
        ("train: {shuffle: 1}", "8:18: train.shuffle must be true or false, got 1. Write true or false."),
        ("train: {shuffle: }", "8:17: train.shuffle must be true or false, got nothing. Write true or false."),
        ("train: {mode: fit_genrator}",
         '8:15: train.mode must be fit, fit_generator or train_on_batch, got the text "fit_genrator". Did you mean fit_generator?'),
        ("train: {steps_per_epoch: 0}", "8:26: train.steps_per_epoch must be auto or a whole number of at least 1, got 0."),
        ("train: {verbose: 3}", "8:18: train.verbose must be auto, 0, 1 or 2, got 3."),
        ("train: {verbose: true}", "8:18: train.verbose must be auto, 0, 1 or 2, got true."),
        ("train: {validation_split: 1.0}", "8:27: train.validation_split must be less than 1, got 1.0."),
        ("train: {validation_split: .nan}",
         '8:27: train.validation_split must be a number, got the text ".nan". '
         "Write decimal digits, without leading zeros and underscores."),
        ("train: {class_weight: balancd}",
         '8:23: train.class_weight must be a mapping or balanced, got the text "balancd". Did you mean balanced?'),
        ("train: {class_weight: {}}", "8:23: train.class_weight must have at least 1 entry, not 0."),
        ("train: {class_weight: {a: x}}", '8:27: train.class_weight.a must be a number, got the text "x".'),
        ("train: {class_weight: {a: -1}}", "8:27: train.class_weight.a must be at least 0, got -1."),
        # augmentation; mode fit_generator would be a second line
        ("augmentation: {rotaton_range: 3}\ntrain: {mode: fit_generator}",
         "8:16: augmentation.rotaton_range is not a setting. Did you mean rotation_range?"),
        ("augmentation: {rotation_range: -3}\ntrain: {mode: fit_generator}",
         "8:32: augmentation.rotation_range must be at least 0, got -3."),
        ("augmentation: {fill_mode: reflct}\ntrain: {mode: fit_generator}",
         '8:27: augmentation.fill_mode must be constant, nearest, reflect or wrap, got the text "reflct". Did you mean reflect?'),
    ],
)  # fmt: skip
def test_mistake_in_a_line_of_its_own(small: str, write: Write, line: str, expected: str) -> None:
    assert told(write(f"{small}{line}\n")) == [expected]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("Denze: {units: 1}", "4:13: model.layers[0]: no layer is called Denze. Did you mean Dense?"),
        ("Qqqq: {}", "4:13: model.layers[0]: no layer is called Qqqq. There are Input, "),
        ("Dense: {units: 0}", "4:28: model.layers[0].Dense.units must be at least 1, got 0."),
        ("Dense: {}", "4:13: model.layers[0].Dense.units is missing. Size of the output's last axis."),
        ("Softmax: 3", "4:22: model.layers[0] must be a mapping of its arguments, got 3."),
        ("Dense: three", '4:20: model.layers[0].Dense.units must be a whole number, got the text "three".'),
        ("Dense: {units: 1, activation: rellu}", "4:43: model.layers[0].Dense.activation: no activation is called rellu. Did you mean relu?"),
        ("Dense: {units: 1, use_bias: on}",
         '4:41: model.layers[0].Dense.use_bias must be true or false, got the text "on". Write true or false.'),
        ("Dense: {units: 1, name: a/b}", '4:37: model.layers[0].Dense.name must be a name without blanks and slashes, got the text "a/b".'),
        ("Dense: {units: 1, kernel_regularizer: {L2: {l3: 1}}}",
         "4:57: model.layers[0].Dense.kernel_regularizer.L2.l3 is not a setting. There are l2."),
        ("Rescaling: {scale: 1/0}", '4:32: model.layers[0].Rescaling.scale must be a number or a list, got the text "1/0".'),
        ("Dropout: {rate: 1.0}", "4:29: model.layers[0].Dropout.rate must be less than 1, got 1.0."),
        ("Conv2D: {filters: 1, kernel_size: [1, 2, 3]}", "4:47: model.layers[0].Conv2D.kernel_size must have at most 2 items, not 3."),
        ("Conv2D: {filters: 1, kernel_size: [1, a]}", '4:51: model.layers[0].Conv2D.kernel_size[1] must be a whole number, got the text "a".'),
    ],
)  # fmt: skip
def test_mistake_in_a_layer(small: str, write: Write, layer: str, expected: str) -> None:
    (line,) = told(write(small.replace("Flatten", f"{{{layer}}}")))
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("data:\n  train: {npz: {path: digits.npz}}\n", "", "1:1: data is missing. Where samples come from, and how they are read."),
        ("{npz: {path: digits.npz}}", "{npz: {}}", "2:11: data.train.npz.path is missing. "),
        ("npz:", "nzp:", "2:11: data.train: no source is called nzp. Did you mean npz?"),
        ("{npz: {path: digits.npz}}", "{}", "2:10: data.train must be the name of a source, or one name with its arguments, got a mapping."),
        ("loss: sparse_categorical_crossentropy", "loss: categorical", "6:9: compile.loss: no loss is called categorical. Did you mean"),
        ("  loss: sparse_categorical_crossentropy\n", "", "5:1: compile.loss is missing. What is minimised."),
        ("[accuracy]", "[acuracy]", "7:13: compile.metrics[0]: no metric is called acuracy. Did you mean"),
        ("[accuracy]", "accuracy", '7:12: compile.metrics must be a list, got the text "accuracy".'),
        ("[accuracy]", "[]\n  optimizer: {Adam: {learning_rate: fast}}",
         '8:37: compile.optimizer.Adam.learning_rate must be a number, got the text "fast".'),
        ("[accuracy]", "[]\n  optimizer: {Adam: {learning_rate: -1}}", "8:37: compile.optimizer.Adam.learning_rate must be at least 0, got -1."),
        ("[accuracy]", "[]\n  optimizer: {Adam: {learning_rte: 1}}",
         "8:22: compile.optimizer.Adam.learning_rte is not a setting. Did you mean learning_rate?"),
        ("[accuracy]", "[]\n  optimizer: {Adam: {learning_rate: {ExponentialDecai: {}}}}",
         "8:38: compile.optimizer.Adam.learning_rate: no schedule is called ExponentialDecai. Did you mean ExponentialDecay?"),
        ("layers: [", "preset: mlp\n  layers: [", "4:3: model must hold either layers or preset or python."),
        ("layers: [Flatten, {Dense: {units: 10, activation: softmax}}]", "layers: []", "4:11: model.layers must have at least 1 item, not 0."),
        ("layers: [Flatten, {Dense: {units: 10, activation: softmax}}]", "preset: resnet21",
         "4:11: model.preset: no preset is called resnet21. Did you mean resnet"),
        ("layers: [Flatten, {Dense: {units: 10, activation: softmax}}]", "preset: {resnet: {depth: 21}}",
         "4:28: model.preset.resnet.depth must be 6n + 2 (20, 32, 44, 56, 110); the nearest is 20, got 21."),
    ],
)  # fmt: skip
def test_mistake_in_what_is_needed(small: str, write: Write, old: str, new: str, expected: str) -> None:
    (line,) = told(write(small.replace(old, new)))
    assert line.startswith(expected)


def test_all_mistakes_in_file_order(small: str, write: Write) -> None:
    path = write("seed: -1\n" + small.replace("units: 10", "unit: 10") + "train: {epochs: 0, shuffle: no}\nfoo: 1\nfoo: 2\n")
    assert [line.split(" ")[0] for line in told(path)] == ["1:7:", "5:30:", "9:17:", "9:29:", "10:1:", "11:1:"]


def test_offending_text_is_escaped_and_shortened(small: str, write: Write) -> None:
    (line,) = told(write(small + 'train: {mode: "\\e[31m' + "x" * 100 + '"}\n'))
    assert line.endswith('got the text "\\x1b[31m' + "x" * 54 + '…".')


def test_twenty_problems_and_a_count_of_the_rest() -> None:
    problems = limit([Problem(str(number)) for number in range(23)])
    assert (len(problems), problems[19].text, problems[20].text) == (21, "19", "… and 3 more.")
