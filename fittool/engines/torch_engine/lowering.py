"""From layers to calls, in the order in which they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from torch import Tensor

from fittool.engines.torch_engine.activations import IN_PLACE, Function
from fittool.engines.torch_engine.layers import layer_steps
from fittool.engines.torch_engine.operations.base import Call, LayerSteps
from fittool.engines.torch_engine.parameters import ParameterStore
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Embedding, Flatten, Reshape


@dataclass(frozen=True)
class Instruction:
    """One call with the numbers of the values it reads and writes.

    Attributes:
        name: The layer it belongs to.
        last_reader_of: The values that nobody reads after it, and whose memory may go.
    """

    name: str
    call: Call
    inputs: tuple[int, ...]
    output: int
    last_reader_of: tuple[int, ...] = ()


@dataclass
class ExecutionPlan:
    """A network as calls on values.

    Attributes:
        instructions: The calls in their order.
        count: How many values there are; the first are the network's inputs.
        outputs: The values that are the network's outputs; None for one that is made of its logits, see `squash`.
        logits: For outputs by their number: the value behind the last activation, where the loss is computed from that.
        squash: For outputs that nothing but the caller reads, by their number: the activation that makes them of the logits.
    """

    instructions: list[Instruction] = field(default_factory=list)
    count: int = 0
    outputs: list[int | None] = field(default_factory=list)
    logits: dict[int, int] = field(default_factory=dict)
    squash: dict[int, Callable[[Tensor], Tensor]] = field(default_factory=dict)

    def append(self, name: str, call: Call, inputs: tuple[int, ...]) -> int:
        """Append a call; gives the number of its output."""
        self.count += 1
        self.instructions.append(Instruction(name, call, inputs, self.count - 1))
        return self.count - 1

    def end_with(self, output: int, call: Call) -> int:
        """Put another call in the place of the one that gives a value; gives the value's number."""
        place = next(place for place, entry in enumerate(self.instructions) if entry.output == output)
        self.instructions[place] = replace(self.instructions[place], call=call)
        return output


def lower(graph: Graph, store: ParameterStore, from_logits: Collection[str] = ()) -> ExecutionPlan:
    """List the calls of a graph, in order.

    Args:
        graph: The network.
        store: Its weights.
        from_logits: The outputs whose loss is computed from what their last activation reads.
    """
    plan = ExecutionPlan(count=len(graph.inputs))
    numbers = {name: number for number, name in enumerate(graph.inputs)}
    nodes = _nodes_behind_outputs(graph)
    readers = Counter(name for node in nodes for name in node.inputs)
    readers.update(graph.outputs)
    endings: dict[str, Callable[[Function], Call]] = {}
    for node in nodes:
        steps = layer_steps(node.with_weights(), lambda name, node=node: store.weights(f"{node.owner}/{name}"))  # type: ignore[misc]
        before = endings.get(node.inputs[0]) if readers[node.inputs[0]] == 1 else None
        numbers[node.name] = _append(plan, node, steps, tuple(numbers[name] for name in node.inputs), before)
        if node.name in from_logits:
            _take_logits(plan, graph.outputs.index(node.name), steps, alone=readers[node.name] == 1)
        if steps.ending is not None and steps.activation is None:
            endings[node.name] = steps.ending
    plan.outputs = [None if number in plan.squash else numbers[name] for number, name in enumerate(graph.outputs)]
    _release(plan)
    return plan


def _append(
    plan: ExecutionPlan, node: Node, steps: LayerSteps, inputs: tuple[int, ...], before: Callable[[Function], Call] | None
) -> int:
    """The calls of one layer; gives the number of its output.

    Args:
        plan: Takes them.
        node: The layer.
        steps: What it becomes.
        inputs: The values that it reads.
        before: Where it is the only reader of a layer that can end with a function: that layer's `ending`.
    """
    function = IN_PLACE.get(steps.activation)
    if function is not None and steps.ending is not None:
        return plan.append(node.name, steps.ending(function), inputs)
    if function is not None and steps.call is None and before is not None:
        return plan.end_with(inputs[0], before(function))
    if steps.call is not None:
        inputs = (plan.append(node.name, steps.call, inputs),)
    activation = steps.activation
    if activation is None:
        return inputs[0]
    return plan.append(node.name, lambda values, _: activation(values[0]), inputs)


def _take_logits(plan: ExecutionPlan, output: int, steps: LayerSteps, *, alone: bool) -> None:
    """Let an output's loss read what the last activation reads; an activation that only the caller asks for waits until then."""
    last = plan.instructions[-1]
    plan.logits[output] = last.inputs[0]
    if alone and steps.activation is not None:
        plan.instructions.pop()
        plan.squash[output] = steps.activation


def _nodes_behind_outputs(graph: Graph) -> list[Node]:
    """The nodes that an output depends on."""
    wanted = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return [node for node in graph.nodes if node.name in wanted]


def _release(plan: ExecutionPlan) -> None:
    """Note after which call a value is not needed any more, so that predictions hold few of them at a time."""
    kept = {number for number in (*plan.outputs, *plan.logits.values()) if number is not None}
    seen: set[int] = set()
    for place in range(len(plan.instructions) - 1, -1, -1):
        entry = plan.instructions[place]
        last = tuple(dict.fromkeys(number for number in entry.inputs if number not in seen and number not in kept))
        seen.update(entry.inputs)
        plan.instructions[place] = replace(entry, last_reader_of=last)


def whole_number_inputs(graph: Graph) -> dict[str, list[Node]]:
    """The inputs that only tables read, with these: their numbers stay as they are, as float32 has no odd ones above 2^24."""
    sources = {name: name for name in graph.inputs}
    readers: dict[str, list[Node]] = {name: [] for name in graph.inputs}
    for node in graph.nodes:
        if isinstance(node.layer, Flatten | Reshape) and node.inputs[0] in sources:
            sources[node.name] = sources[node.inputs[0]]
            continue
        for name in node.inputs:
            if name in sources:
                readers[sources[name]].append(node)
    given_back = {sources[name] for name in graph.outputs if name in sources}
    return {
        name: nodes
        for name, nodes in readers.items()
        if nodes and name not in given_back and all(isinstance(node.layer, Embedding) for node in nodes)
    }
