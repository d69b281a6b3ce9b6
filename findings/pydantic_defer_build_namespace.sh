#!/usr/bin/env bash
# Guess: a pydantic dataclass with `defer_build=True`, in a module with `from __future__ import annotations`, resolves its annotations
#   in the module that defines it, whoever uses it first.
# Seen with pydantic 2.14.4, Python 3.11: the schema is built at the first use, and a name in the global scope of the module of that
#   first use hides the defining module's own. A script that has a class of the same name as a type alias of the library makes a call
#   fail that works in every other script, or changes in silence what an argument takes. Without `defer_build` both scripts agree.
# Output:
#   without the name: Dense(units=3, activation='relu')
#   with the name: PydanticSchemaGenerationError
#   with the name, not deferred: Dense(units=3, activation='relu')
#   a type that fits: 7
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pydantic==2.14.4

for deferred in True False; do
    cat > "layers_$deferred.py" <<MODULE
from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

Activation = Literal["relu", "tanh"]


@dataclass(config=ConfigDict(defer_build=$deferred))
class Dense:
    units: int
    activation: Activation = "relu"
MODULE
done

first_use() {  # the module of the layer, the lines before the call, and the activation
    printf 'from %s import Dense\n%s\ntry:\n    print(%s)\nexcept Exception as error:\n    print(type(error).__name__)\n' "$1" "$2" "$3" > script.py
    venv/bin/python script.py
}

own_class=$'class Activation:\n    """A class of the script."""'
found=$(
    echo "without the name: $(first_use layers_True '' 'Dense(3, "relu")')"
    echo "with the name: $(first_use layers_True "$own_class" 'Dense(3, "relu")')"
    echo "with the name, not deferred: $(first_use layers_False "$own_class" 'Dense(3, "relu")')"
    echo "a type that fits: $(first_use layers_True 'Activation = int' 'Dense(3, 7).activation')"
)
echo "$found"
wanted="without the name: Dense(units=3, activation='relu')
with the name: PydanticSchemaGenerationError
with the name, not deferred: Dense(units=3, activation='relu')
a type that fits: 7"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
