#!/usr/bin/env bash
# Guess: the `offset` of a slice of a numpy.memmap says where in the file the slice begins, so that filename, offset, dtype and shape
#   are enough to map the same rows in another process.
# Seen with numpy 2.3.5, Python 3.11: a slice and a view keep the `offset` of the map that they were cut from, whatever rows they hold,
#   so a worker that maps by it reads the first rows of the file instead, without an error. The difference of the addresses has to be
#   added.
# Output:
#   offset of rows 6 to 10: 16
#   mapped anew by it: [0.0, 1.0]
#   mapped anew by the addresses: [6.0, 7.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.3.5

cat > script.py <<'SCRIPT'
import numpy as np

header = 16
with open("rows.bin", "wb") as file:
    file.write(bytes(header))
    file.write(np.arange(10, dtype=np.float32).tobytes())
whole = np.memmap("rows.bin", np.float32, "r", offset=header, shape=(10,))
part = whole[6:]
print("offset of rows 6 to 10:", part.offset)
again = np.memmap(part.filename, part.dtype, "r", offset=part.offset, shape=part.shape)
print("mapped anew by it:", again[:2].tolist())
moved = part.ctypes.data - whole.ctypes.data
again = np.memmap(part.filename, part.dtype, "r", offset=part.offset + moved, shape=part.shape)
print("mapped anew by the addresses:", again[:2].tolist())
SCRIPT
found=$(venv/bin/python script.py)
echo "$found"
wanted="offset of rows 6 to 10: 16
mapped anew by it: [0.0, 1.0]
mapped anew by the addresses: [6.0, 7.0]"
[[ $found == "$wanted" ]] || { echo "The behaviour has changed."; exit 1; }
