"""The README beside an ONNX file: what goes in, what comes out, and ten lines that run it, in Python and in JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fittool.exchange.onnx_format.model import GraphInput, OnnxModel
from fittool.exchange.trained_network import TrainedNetwork


def readme(model: OnnxModel, network: TrainedNetwork, file: str, samples: str) -> str:
    """The text.

    Args:
        model: What was exported.
        network: What it was made of.
        file: The name of the ONNX file.
        samples: The name of the file of samples.
    """
    return "\n".join(_lines(model, network, file, samples)) + "\n"


def _lines(model: OnnxModel, network: TrainedNetwork, file: str, samples: str) -> Iterator[str]:
    facts = network.facts
    yield f"# {file}"
    yield ""
    several = facts.get("mean_of_runs")
    what = (
        f"The mean of the networks of {len(several)} runs of {facts.get('name')}"
        if several
        else (f"The network of the run {facts.get('run') or facts.get('name')}, epoch {facts.get('epoch')}")
    )
    yield f"{what}, exported by fittool."
    yield f"`fittool verify {file}` runs it in onnxruntime on the samples in {samples} and prints the largest difference."
    yield ""
    yield from _table("input", [(one.name, one.dtype, one.shape, _meaning(one, network)) for one in model.inputs])
    yield from _table("output", [(one.name, one.dtype, one.shape, one.meaning) for one in model.outputs])
    yield "N is any number of samples. The file's metadata hold all of this too, and the names of the classes."
    yield ""
    yield from _python(file, samples)
    yield from _javascript(file, samples)


def _table(what: str, rows: Sequence[tuple[str, str, tuple[int, ...], str]]) -> Iterator[str]:
    yield f"| {what} | type | shape | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, dtype, shape, meaning in rows:
        size = ", ".join(["N", *map(str, shape)]) + ("," if not shape else "")
        yield f"| {_cell(name)} | {dtype} | ({size}) | {_cell(meaning)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _meaning(one: GraphInput, network: TrainedNetwork) -> str:
    facts = network.facts
    if one.kind == "image" and "resize" in facts:
        size = " × ".join(map(str, facts["input_size"]))
        pixels = ", pixels 0 to 255" if one.dtype == "uint8" else ""
        return f"pictures, {facts['color_order']}{pixels}, height × width {size}: {facts['resize']}"
    notes = {
        "number": "a number (of yes and no 1 and 0), NaN for a gap",
        "date": "seconds since 1970-01-01 00:00, NaN for a gap",
        "category": 'a word, "" for a gap',
        "boolean": 'a word, "" for a gap',
    }
    percent = network.encoder is not None and any(
        column.name == one.name and getattr(column, "is_percent", False) for column in network.encoder.columns
    )
    return "a share, 0.125 for 12.5 %, NaN for a gap" if percent else notes.get(one.kind, one.kind)


def _python(file: str, samples: str) -> Iterator[str]:
    yield "## Python"
    yield ""
    yield "```python"
    yield "import base64, json, numpy as np, onnxruntime"
    yield ""
    yield "def array(one):"
    yield '    data = one["data"] if one["dtype"] == "string" else np.frombuffer(base64.b64decode(one["data"]), one["dtype"])'
    yield '    return np.array(data, object if one["dtype"] == "string" else None).reshape(one["shape"])'
    yield ""
    yield f'samples = json.load(open({json.dumps(samples)}, encoding="utf-8"))'
    yield f"session = onnxruntime.InferenceSession({json.dumps(file)})"
    yield 'answers = session.run(None, {name: array(one) for name, one in samples["inputs"].items()})'
    yield "print(dict(zip([one.name for one in session.get_outputs()], answers)))"
    yield "```"
    yield ""


def _javascript(file: str, samples: str) -> Iterator[str]:
    yield "## JavaScript"
    yield ""
    yield "With `npm install onnxruntime-node`; in a browser the same with `onnxruntime-web`."
    yield ""
    yield "```javascript"
    yield 'const fs = require("fs"), ort = require("onnxruntime-node");'
    yield "const kinds = { uint8: Uint8Array, float32: Float32Array, float64: Float64Array, int64: BigInt64Array };"
    yield 'const bytes = (data) => new Uint8Array(Buffer.from(data, "base64")).buffer;'
    yield "const tensor = ({ dtype, shape, data }) =>"
    yield '  new ort.Tensor(dtype, dtype === "string" ? data : new kinds[dtype](bytes(data)), shape);'
    yield "(async () => {"
    yield f'  const samples = JSON.parse(fs.readFileSync({json.dumps(samples)}, "utf-8"));'
    yield f"  const session = await ort.InferenceSession.create({json.dumps(file)});"
    yield "  const inputs = Object.fromEntries(Object.entries(samples.inputs).map(([name, one]) => [name, tensor(one)]));"
    yield "  const answers = await session.run(inputs);"
    yield "  for (const name of session.outputNames) console.log(name, answers[name].dims, answers[name].data.slice(0, 3));"
    yield "})();"
    yield "```"
