"""From layers to operations, in the order in which they run, and to the arrays that they share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from fittool.engines.numpy_engine.buffers import Value
from fittool.engines.numpy_engine.layers import LayerSteps, layer_steps
from fittool.engines.numpy_engine.operations.base import Operation, Steps
from fittool.nn.graph import Graph, Node
from fittool.nn.shapes import Shape


@dataclass(frozen=True)
class Instruction:
    """One operation with the numbers of the values it reads and writes.

    Attributes:
        name: The layer it belongs to, whose parameters it uses.
        position: Counts the operations; names what they keep.
    """

    operation: Operation
    name: str
    position: int
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True)
class BackwardStep:
    """One operation's backward half.

    Attributes:
        adding: The numbers of its inputs to whose gradients it adds; those of the others it is the first to write.
    """

    instruction: Instruction
    adding: frozenset[int]


@dataclass
class GradientSlots:
    """Arrays for gradients, each used by one value after the other.

    Attributes:
        sizes: Elements for one sample of each slot.
        of_storage: The slot of the gradient of each storage that has one.
        of_share: The slot of what a step adds to a gradient, by the position of its instruction and the number of the input.
        meetings: Positions of the instructions before whose backward halves all samples must have arrived.
    """

    sizes: list[int] = field(default_factory=list)
    of_storage: dict[int, int] = field(default_factory=dict)
    of_share: dict[tuple[int, int], int] = field(default_factory=dict)
    meetings: set[int] = field(default_factory=set)
    _free: dict[int, int] = field(default_factory=dict)  # the size of what a slot held last

    def take(self, size: int, position: int) -> int:
        """A slot for a gradient that the instruction at a position writes first; -1 stands for the losses.

        Slices run through many operations, one slice after the other. Where gradients of one size follow each other, a sample
        overwrites its own alone; where the size changes, also that of others, so these must be done with it.
        """
        slot = next((slot for slot, held in self._free.items() if held == size), None)
        if slot is None and self._free:
            slot = min(self._free, key=lambda one: (self.sizes[one] < size, abs(self.sizes[one] - size)))
            self.sizes[slot] = max(self.sizes[slot], size)
            self.meetings.add(position)
        if slot is None:
            self.sizes.append(size)
            return len(self.sizes) - 1
        del self._free[slot]
        return slot

    def give_back(self, slot: int, size: int) -> None:
        """Let others have a slot that held a gradient of this size."""
        self._free[slot] = size


@dataclass(frozen=True)
class _Moment:
    """One moment of the backward half.

    Attributes:
        position: Of the instruction; -1 stands for the losses.
        storages: Those whose gradients are in use.
        shares: The elements of what is added to gradients, by the number of the input.
    """

    position: int
    storages: dict[int, None]
    shares: dict[int, int]


@dataclass
class ExecutionPlan:
    """A network as operations on values.

    Attributes:
        values: All values.
        roots: For each value the value whose gradient it shares (itself, or what it is a view of).
        sizes: Elements for one sample of each storage.
        inputs, outputs: The values that are the network's inputs and outputs.
        logits: For outputs by their number: the value behind the last activation, where the loss is computed from that.
        owners: For layers that share the weights of another: that one.
    """

    values: list[Value] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    logits: dict[int, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    _last_writer: dict[int, Operation] = field(default_factory=dict)

    def _add_value(self, shape: Shape, needs_gradient: bool, shared: int | None, root: int | None) -> int:
        if shared is None:
            shared = len(self.sizes)
            self.sizes.append(math.prod(shape))
        number = len(self.values)
        self.values.append(Value(shape, shared, needs_gradient))
        self.roots.append(number if root is None else root)
        return number

    def add_input(self, shape: Shape) -> int:
        """Append one of the network's inputs."""
        self.inputs.append(self._add_value(shape, False, None, None))
        return self.inputs[-1]

    def _may_overwrite(self, operation: Operation, source: int, shape: Shape, readers: Counter[int]) -> bool:
        """Tell whether nobody else reads the input of an operation that could work in place, now or in the backward half."""
        storage = self.values[source].storage
        writer = self._last_writer.get(storage)
        alone = readers[self.roots[source]] == 1 and (writer is None or not writer.needs_output)
        return operation.in_place and alone and self.sizes[storage] == math.prod(shape)

    def exact(self) -> frozenset[int]:
        """The storages of inputs that only operations on whole numbers read."""
        # Batches of any dtype are copied into them, and float32 has no odd numbers above 2^24: indices would become others.
        storages = {self.values[number].storage for number in self.inputs}
        storages -= {self.values[number].storage for number in self.outputs}
        for instruction in self.instructions:
            if not instruction.operation.reads_integers:
                storages -= {self.values[number].storage for number in instruction.inputs}
        return frozenset(storages)

    def writers(self) -> dict[int, str]:
        """The layer that first writes to each storage; those of inputs are nobody's."""
        found: dict[int, str] = {}
        inputs = {self.values[number].storage for number in self.inputs}
        for instruction in self.instructions:
            storage = self.values[instruction.output].storage
            if storage not in inputs:
                found.setdefault(storage, instruction.name)
        return found

    def compared(self) -> list[int]:
        """The values that losses are computed from: outputs, or the logits behind them."""
        return [self.logits.get(output, number) for output, number in enumerate(self.outputs)]

    def backward_steps(self) -> list[BackwardStep]:
        """The operations from last to first; the second reader of a value adds its gradient to the first one's."""
        # What is written first overwrites what the last step left there, so nothing has to be zeroed; whoever comes second writes
        # into memory of its own and adds. Gradients of outputs or logits are written first of all, by the losses.
        started = {self.roots[number] for number in self.compared()}
        steps: list[BackwardStep] = []
        for instruction in reversed(self.instructions):
            # The activation before a loss of logits has no gradient to pass on, unless somebody else reads its output.
            if not self.values[instruction.output].needs_gradient or self.roots[instruction.output] not in started:
                continue
            adding: set[int] = set()
            for index, number in enumerate(instruction.inputs):
                if self.values[number].needs_gradient:
                    if self.roots[number] in started:
                        adding.add(index)
                    started.add(self.roots[number])
            steps.append(BackwardStep(instruction, frozenset(adding)))
        return steps

    def gradient_slots(self) -> GradientSlots:
        """Hand out arrays for gradients so that few are enough: a gradient is dead once its value's own operation has read it."""
        moments = list(self._gradient_moments())
        ends = {storage: time for time, moment in enumerate(moments) for storage in moment.storages}
        slots = GradientSlots()
        for time, moment in enumerate(moments):
            for storage in (one for one in moment.storages if one not in slots.of_storage):
                slots.of_storage[storage] = slots.take(self.sizes[storage], moment.position)
            for index, size in moment.shares.items():
                slots.of_share[moment.position, index] = slots.take(size, moment.position)
            for index, size in moment.shares.items():
                slots.give_back(slots.of_share[moment.position, index], size)
            for storage in moment.storages:
                if ends[storage] == time:
                    slots.give_back(slots.of_storage[storage], self.sizes[storage])
        return slots

    def _gradient_moments(self) -> Iterator[_Moment]:
        """The losses, then each step of the backward half, with the gradients that they read or write."""
        yield _Moment(-1, self._storages(self.compared()), {})
        for step in self.backward_steps():
            instruction = step.instruction
            shares = {index: self.sizes[self.values[instruction.inputs[index]].storage] for index in sorted(step.adding)}
            yield _Moment(instruction.position, self._storages([instruction.output, *instruction.inputs]), shares)

    def _storages(self, numbers: Sequence[int]) -> dict[int, None]:
        """The storages of values that have a gradient, each once, in order."""
        return {self.values[number].storage: None for number in numbers if self.values[number].needs_gradient}

    def append(
        self, operation: Operation, name: str, inputs: tuple[int, ...], shape: Shape, trains: bool, readers: Counter[int]
    ) -> int:
        """Append one operation, whose output is (N, *shape), and make its output value; views become no instruction."""
        first = inputs[0]
        needs_gradient = trains or any(self.values[number].needs_gradient for number in inputs)
        if operation.is_view:
            # Whoever reads the view reads the memory below it, so its readers become those of the root, in the view's stead.
            output = self._add_value(shape, needs_gradient, self.values[first].storage, self.roots[first])
            readers[self.roots[first]] += readers.pop(output, 0) - 1
            return output
        free = [one for one in inputs[: operation.overwrites] if self._may_overwrite(operation, one, shape, readers)]
        output = self._add_value(shape, needs_gradient, self.values[free[0]].storage if free else None, None)
        self._last_writer[self.values[output].storage] = operation
        self.instructions.append(Instruction(operation, name, len(self.instructions), inputs, output))
        return output

    def append_all(self, steps: Steps, name: str, inputs: tuple[int, ...], trains: bool, readers: Counter[int]) -> int:
        """Append operations one behind the other; gives the last one's output."""
        for operation, shape in steps:
            inputs = (self.append(operation, name, inputs, shape, trains, readers),)
        return inputs[0]


def lower(graph: Graph, from_logits: Collection[str] = ()) -> ExecutionPlan:
    """List the operations of a graph, in order, with the arrays they share.

    Args:
        graph: The network.
        from_logits: The outputs whose loss is computed from what their last operation, an activation, reads.
    """
    plan = ExecutionPlan()
    layers = [(node, layer_steps(node)) for node in (node.with_weights() for node in _nodes_behind_outputs(graph))]
    plan.owners = {node.name: node.owner for node, _ in layers if node.owner != node.name}
    readers = _readers(graph, layers, from_logits)
    numbers: dict[str, int] = {}
    for name, shape in graph.inputs.items():
        numbers[name] = plan.add_input(shape)
    for node, lowered in layers:
        inputs = tuple(numbers[name] for name in node.inputs)
        trains = any(parameter.trainable for parameter in node.parameters) and node.layer.trainable
        ends = tuple(
            plan.append_all(branch.steps, node.name, tuple(inputs[one] for one in branch.inputs), trains, readers)
            for branch in lowered.branches
        )
        numbers[node.name] = plan.append_all(lowered.steps, node.name, ends or inputs, trains, readers)
        if node.name in from_logits:
            plan.logits[graph.outputs.index(node.name)] = plan.instructions[-1].inputs[0]
    plan.outputs = [numbers[name] for name in graph.outputs]
    return plan


def kept_numbers(graph: Graph, from_logits: Collection[str] = ()) -> int:
    """The numbers that a training step keeps for each sample: the values between operations, and the arrays for gradients.

    What single operations keep beside them, such as the decisions of dropout, is not among them.
    """
    plan = lower(graph, from_logits)
    return sum(plan.sizes) + sum(plan.gradient_slots().sizes)


def _nodes_behind_outputs(graph: Graph) -> list[Node]:
    """The nodes that an output depends on."""
    wanted = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return [node for node in graph.nodes if node.name in wanted]


def _readers(graph: Graph, layers: list[tuple[Node, LayerSteps]], from_logits: Collection[str]) -> Counter[int]:
    """The number of operations that read each value, by the numbers that `lower` will give; an output counts as read twice.

    The loss is one more reader of logits, so that the activation does not write its output over them.
    """
    readers: Counter[int] = Counter()
    numbers = {name: number for number, name in enumerate(graph.inputs)}
    following = len(numbers)
    for node, lowered in layers:
        inputs = [numbers[name] for name in node.inputs]
        ends: list[int] = []
        for branch in lowered.branches:
            readers.update(inputs[one] for one in branch.inputs)
            ends.append(following + len(branch.steps) - 1)
            readers.update(range(following, ends[-1]))
            following = ends[-1] + 1
        readers.update(ends or inputs)
        readers.update(range(following, following + len(lowered.steps) - 1))
        following += len(lowered.steps)
        numbers[node.name] = following - 1
        if node.name in from_logits:
            readers[following - 2 if len(lowered.steps) > 1 else inputs[0]] += 1
    # Losses, metrics and the caller read an output after the last operation, when a layer behind it may long have run. Counted
    # twice, an output never has the count of 1 that lets its reader work in place, whatever views take from the count.
    for name in graph.outputs:
        readers[numbers[name]] += 2
    return readers
