#!/usr/bin/env bash
# Guess: AutoGluon learns from no column in which every row has a value of its own: it leaves such a text out, and tells so.
# Seen with autogluon.tabular 1.6.3 and torch 2.13.0, Python 3.11: such a text is left out, a number, as a row number or a key of a
#   database is, is learnt from, without a word. In a table that is sorted by its label the number tells the label: validation says
#   1.0 though nothing else in the table tells anything, and rows that are numbered on all get the last label. The column has to be
#   dropped by hand.
# Output:
#   learnt from: ['number', 'noise']
#   validation accuracy: 1.0
#   answers for the same rows, numbered on: ['yes']
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
venv/bin/pip install --quiet --disable-pip-version-check autogluon.tabular==1.6.3
cat > script.py <<'SCRIPT'
import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

rows = 400
rng = np.random.default_rng(0)
table = pd.DataFrame({"number": np.arange(rows), "code": [f"c{row}" for row in range(rows)], "noise": rng.normal(size=rows)})
table["label"] = np.repeat(["no", "yes"], rows // 2)
new = table.sample(frac=1, random_state=1).assign(number=np.arange(rows, 2 * rows))
predictor = TabularPredictor("label", path="model", verbosity=0).fit(table, hyperparameters={"RF": {}})
print("FOUND learnt from:", predictor.feature_metadata_in.get_features())
print("FOUND validation accuracy:", predictor.leaderboard().score_val.max())
print("FOUND answers for the same rows, numbered on:", sorted(set(predictor.predict(new))))
SCRIPT
found=$(venv/bin/python script.py 2> errors.txt | sed -n 's/^FOUND //p')
echo "$found"
wanted="learnt from: ['number', 'noise']
validation accuracy: 1.0
answers for the same rows, numbered on: ['yes']"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
