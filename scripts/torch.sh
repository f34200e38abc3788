#!/bin/sh
# The tests of PyTorch's formats, against the built wheel: scripts/torch.sh [PYTEST ARGUMENT...]
# PyTorch is too large for the locked environments (with its usual CUDA, several GB), so it gets one
# of its own, .build/venv-torch, by pip, which takes the build that the machine's index offers; all
# else is the environment test, laid beside it. Where PyTorch cannot be had, it fails and says so.
set -eu
cd "$(dirname "$0")/.."
packages="torch==2.13.0 safetensors==0.8.0"
where=$PWD/.build/venv-torch
scripts/wheel.sh test
python=$PWD/.build/venv-test/bin/python
beside=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
wanted="$packages beside $beside"

if [ "$(cat "$where/holds.txt" 2>/dev/null)" != "$wanted" ] || ! "$where/bin/python" -c "" 2>/dev/null; then
  rm -rf "$where"
  "$python" -m venv "$where"
  echo "$beside" >"$("$where/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"
  # shellcheck disable=SC2086 # several packages
  "$where/bin/python" -m pip install --quiet --disable-pip-version-check $packages || {
    echo "PyTorch could not be installed, so nothing was tested: $packages" >&2
    echo "  The tests marked torch (tests/models/test_torch.py, tests/models/test_contract.py) are left out." >&2
    echo "  Let pip reach an index that has it (PIP_INDEX_URL, PIP_FIND_LINKS), then: make test-torch" >&2
    exit 1
  }
  echo "$wanted" >"$where/holds.txt"
fi
TRUEUP_TEST_WHEEL=1 exec "$where/bin/python" -m pytest -n "${WORKERS:-2}" --dist worksteal --timeout 600 \
  -m torch tests/models "$@"
