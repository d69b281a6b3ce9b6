"""From layers to calls, in the order in which they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from torch import Tensor

from fittool.engines.torch_engine.activations import IN_PLACE
from fittool.engines.torch_engine.layers import LayerSteps, layer_steps
from fittool.engines.torch_engine.parameters import ParameterStore
from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Embedding, Flatten, Reshape

Call = Callable[[list[Tensor], StepContext], Tensor]


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
    fresh: set[str] = set()
    for node in nodes:
        steps = layer_steps(node, lambda name, node=node: store.weights(f"{node.name}/{name}"))  # type: ignore[misc]
        numbers[node.name] = _append(plan, node, steps, numbers, node.inputs[0] in fresh and readers[node.inputs[0]] == 1)
        if node.name in from_logits:
            _take_logits(plan, graph.outputs.index(node.name), steps, alone=readers[node.name] == 1)
        if steps.fresh:
            fresh.add(node.name)
    plan.outputs = [None if number in plan.squash else numbers[name] for number, name in enumerate(graph.outputs)]
    _release(plan)
    return plan


def _append(plan: ExecutionPlan, node: Node, steps: LayerSteps, numbers: dict[str, int], may_overwrite: bool) -> int:
    """The calls of one layer; gives the number of its output."""
    inputs = tuple(numbers[name] for name in node.inputs)
    if steps.call is not None:
        inputs = (plan.append(node.name, steps.call, inputs),)
        may_overwrite = True
    if steps.activation is None:
        return inputs[0]
    # The result of a product is read by nobody else, and no derivative asks for it, so the activation may take its place.
    function = IN_PLACE.get(steps.activation, steps.activation) if may_overwrite else steps.activation
    return plan.append(node.name, lambda values, _: function(values[0]), inputs)


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
        plan.instructions[place] = Instruction(entry.name, entry.call, entry.inputs, entry.output, last)


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
