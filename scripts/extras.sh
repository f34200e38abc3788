#!/bin/sh
# Install the built wheel alone and with each of its extras, at the lowest and at the highest
# versions that it allows, and walk the smallest journey with each: scripts/extras.sh
# The extras are those of pyproject.toml.
set -eu
cd "$(dirname "$0")/.."
scripts/wheel.sh test
uv=$PWD/.build/venv-uv/bin/uv
python=$PWD/.build/venv-test/bin/python
wheel=$(ls "$PWD"/.build/dist/*.whl)
export UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1

extras=$("$python" -c '
import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
print(*project.get("optional-dependencies", {}))')

for extra in "" $extras; do
  for resolution in lowest-direct highest; do
    where=.build/venv-extra
    "$uv" venv --quiet --clear --python "$python" "$where"
    "$uv" pip install --quiet --python "$where/bin/python" --resolution "$resolution" \
      "trueup${extra:+[$extra]} @ file://$wheel"
    "$where/bin/python" scripts/smallest_journey.py
    echo "trueup${extra:+[$extra]} at its $resolution versions: ok"
  done
done
rm -rf .build/venv-extra
