#!/bin/sh
# Put the data sets that NannyML brings (Apache-2.0) into .build/nannyml-data, without installing it:
# census employment of 2015 to 2018, car loans, credit cards and car prices, each with predictions.
set -eu
cd "$(dirname "$0")/.."
where=$PWD/.build/nannyml-data
lock=requirements/nannyml.txt
if [ -f "$where/lock" ] && cmp -s "$lock" "$where/lock"; then exit; fi
scripts/env.sh dev
rm -rf "$where"
mkdir -p "$where/wheel"
sed -n '/^nannyml==/,/[^\\]$/p' "$lock" >"$where/wheel/lock"
python=.build/venv-uv/bin/python # an environment with pip, whatever else is there
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
  --dest "$where/wheel" -r "$where/wheel/lock"
"$python" - "$where" <<'PYTHON'
import sys
from pathlib import Path
from zipfile import ZipFile

where = Path(sys.argv[1])
(wheel,) = (where / "wheel").glob("*.whl")
with ZipFile(wheel) as packed:
    for name in packed.namelist():
        if name.startswith("nannyml/datasets/data/") and name.endswith((".csv", ".pq")):
            (where / Path(name).name).write_bytes(packed.read(name))
PYTHON
rm -r "$where/wheel"
cp "$lock" "$where/lock"
