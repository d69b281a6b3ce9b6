"""Fine-tuning in one word as the two stages that it stands for: which layers are the head, and which the last stage."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Stage, Train
from fittool.errors import Problem
from fittool.nn.graph import Graph, Node
from fittool.nn.shapes import Shape

if TYPE_CHECKING:
    from fittool.callbacks.base import CallbackSetting
    from fittool.config.optional_sections.pretrained import FineTune

_PREFIX = re.compile(r"((?:stage|block)[0-9]+)_")
_FIRST_SHARE, _SCHEDULED = 0.2, 3
"""The part of the rate in the first epoch, and the fewest epochs for which there is a schedule."""
_LAST_SHARE = 4
"""Where no layer shrinks the images, as in a transformer, the last quarter of its blocks is the last stage."""


def with_stages(loaded: LoadedExperiment, graph: Graph) -> LoadedExperiment:
    """The experiment with `fine_tune` written out as stages; as it is where there is none.

    Args:
        loaded: The experiment.
        graph: Its network.
    """
    setting, train = loaded.experiment.fine_tune, loaded.experiment.train
    if setting is None or isinstance(train, list):
        return loaded
    stages = list(_stages(setting, train, graph))
    return replace(loaded, experiment=replace(loaded.experiment, fine_tune=None, train=stages))


def _stages(setting: FineTune, train: Train, graph: Graph) -> Sequence[Stage]:
    common = {field.name: getattr(train, field.name) for field in dataclasses.fields(train)}
    head = head_of(graph)
    found = []
    if setting.head_epochs:
        found.append(_stage(common, "head", setting.head_epochs, patterns(graph, head)))
    if setting.epochs:
        learning = _unfrozen(setting, graph, head)
        stage = _stage({**common, "warmup_epochs": 0} if found else common, "fine_tuning", setting.epochs, learning)
        stage = replace(stage, learning_rate=setting.learning_rate, learning_rates=setting.learning_rates)
        found.append(replace(stage, callbacks=_falling(setting)))
    return found


def _falling(setting: FineTune) -> list[CallbackSetting]:
    """The schedule of the rate: a fifth of it for an epoch, then half a cosine."""
    if setting.schedule is None or setting.epochs < _SCHEDULED:
        return []
    from fittool.callbacks import LearningRateScheduler  # which others than those who fine-tune do without
    from fittool.nn.schedules import CosineDecay

    rate = setting.learning_rate
    cosine = CosineDecay(rate * _FIRST_SHARE, setting.epochs - 1, warmup_target=rate, warmup_steps=1)
    return [LearningRateScheduler(cosine, first_epoch=setting.head_epochs)]


def _stage(common: dict[str, Any], name: str, epochs: int, trainable: list[str]) -> Stage:
    return Stage(**{**common, "epochs": epochs, "initial_epoch": 0}, name=name, trainable=trainable)


def _unfrozen(setting: FineTune, graph: Graph, head: Sequence[str]) -> list[str]:
    if isinstance(setting.unfreeze, list):
        return [*setting.unfreeze, *(name for name in patterns(graph, head) if name not in setting.unfreeze)]
    before = [node.name for node in _learning(graph)] if setting.unfreeze == "all" else last_stage_of(graph)
    # Moving averages of many pictures stay better than what a few batches of other pictures make of them.
    from fittool.nn.layers import BatchNormalization

    still = {node.name for node in graph.nodes if isinstance(node.layer, BatchNormalization)}
    return patterns(graph, [*(name for name in before if name not in still), *head])


def _learning(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if any(parameter.trainable for parameter in node.parameters)]


def head_of(graph: Graph) -> list[str]:
    """The layers with weights behind the last one whose output has several positions; at least the last of all."""
    learning = _learning(graph)
    last = max((number for number, node in enumerate(graph.nodes) if _positions(node.output_shape) > 1), default=-1)
    behind = {node.name for node in graph.nodes[last + 1 :]}
    names = [node.name for node in learning if node.name in behind]
    return names if names and last >= 0 else [node.name for node in learning[-1:]]


def last_stage_of(graph: Graph) -> list[str]:
    """The layers with weights before the head that work on the smallest images; of sequences those of the last quarter."""
    head = set(head_of(graph))
    before = [node for node in _learning(graph) if node.name not in head]
    images = [node for node in before if len(node.output_shape) == 3 and _positions(node.output_shape) > 1]
    sizes = [_positions(node.output_shape) for node in images]
    if sizes and min(sizes) < max(sizes):
        start = before.index(images[sizes.index(min(sizes))])
    else:
        blocks = list(dict.fromkeys(_block(node.name) for node in before))
        first = blocks[-max(1, len(blocks) // _LAST_SHARE) :][:1]
        start = next((number for number, node in enumerate(before) if first and _block(node.name) == first[0]), len(before))
    return _whole_blocks(before, start)


def _whole_blocks(nodes: Sequence[Node], start: int) -> list[str]:
    """The names from a place on, and of the block that it lies in all."""
    if start >= len(nodes):
        return []
    block = _block(nodes[start].name)
    return [node.name for number, node in enumerate(nodes) if number >= start or _block(node.name) == block]


def _block(name: str) -> str:
    """What layers of one stage or block have in common in their names, or the whole name."""
    found = _PREFIX.match(name)
    return found.group(1) if found else name


def _positions(shape: Shape) -> int:
    return math.prod(shape[:-1])


def patterns(graph: Graph, names: Collection[str]) -> list[str]:
    """Few patterns that stand for exactly these layers: `stage4_*` where all of a stage are among them."""
    wanted, known = set(names), [node.name for node in _learning(graph)]
    found: list[str] = []
    for name in known:
        if name in wanted and not any(fnmatchcase(name, pattern) for pattern in found):
            found.append(_widest(name, wanted, known))
    return found


def _widest(name: str, wanted: Collection[str], known: Sequence[str]) -> str:
    """The widest pattern that a name fits and nothing that is not wanted: of its block, of one kind in its block, or itself."""
    block = _block(name)
    for pattern in (f"{block}_*", f"{block}_*_{name.rpartition('_')[2]}") if block != name else ():
        if fnmatchcase(name, pattern) and all(one in wanted for one in known if fnmatchcase(one, pattern)):
            return pattern
    return name


def cut_for(loaded: LoadedExperiment, train: Train, graph: Graph, learning: Collection[str]) -> str | None:
    """The layer whose features a stage learns from with `cache: features`; None where it learns from the samples.

    Args:
        loaded: The experiment.
        train: The stage.
        graph: The network.
        learning: The names of the layers that learn in it.
    """
    if loaded.experiment.data.cache != "features" or train.mode == "train_on_batch":
        return None
    cut = cut_before(graph, learning)
    return cut if cut is not None and any(node.parameters for node in _until(graph, cut)) else None


def _until(graph: Graph, name: str) -> list[Node]:
    return list(graph.nodes[: 1 + next(number for number, node in enumerate(graph.nodes) if node.name == name)])


def _learning_in(graph: Graph, train: Train) -> frozenset[str]:
    """The layers with weights that learn in a stage, by its patterns."""
    wanted = train.trainable if isinstance(train, Stage) and train.trainable is not None else ["*"]
    return frozenset(node.name for node in _learning(graph) if any(fnmatchcase(node.name, pattern) for pattern in wanted))


def feature_remarks(loaded: LoadedExperiment, graph: Graph) -> list[Problem]:
    """The warnings that `cache: features` asks for: it has no effect, or leaves an augmentation out."""
    if loaded.experiment.data.cache != "features":
        return []
    cuts = {id(train): cut_for(loaded, train, graph, _learning_in(graph, train)) for train in loaded.experiment.stages}
    if not any(cuts.values()):
        text = "data.cache: features has no effect: in no stage is there a frozen front without anything random in it."
        return [loaded.problem(text, "data", "cache")]
    found = []
    for train in loaded.experiment.stages:
        cut = cuts[id(train)]
        if cut is not None and loaded.experiment.augmentation_of(train) is not None:
            name = f"stage {train.name}" if isinstance(train, Stage) and train.name else "training"
            text = f"data.cache: features: {name} learns from features behind {cut} of the pictures as they are, not augmented."
            found.append(loaded.problem(text, "data", "cache"))
    return found


def cut_before(graph: Graph, learning: Collection[str]) -> str | None:
    """The last layer that everything which learns stands behind, and that nothing random stands before; None where there is none.

    Args:
        graph: The network.
        learning: The names of the layers that learn.
    """
    if len(graph.inputs) != 1:
        return None
    found: str | None = None
    for number, node in enumerate(graph.nodes):
        if node.name in learning or node.layer.is_random or node.owner in learning:
            return found
        later = graph.nodes[number + 1 :]
        inside = {*graph.inputs, *(one.name for one in graph.nodes[:number])}
        if all(not inside & set(one.inputs) for one in later) and not inside & set(graph.outputs):
            found = node.name
    return None
