#!/bin/sh
# The main job, from raw data to a model that has proved itself, in a scratch copy of the flights
# example: make demo
# CHAPTERS="gate serve year loop backtest" chooses; all of them if it is not set:
#   gate   run the pipeline, and judge candidates
#   serve  serve the champion over HTTP and promote meanwhile; goes on where gate ended
#   year   a first model of January and February, and what came of it until December
#   loop   the same year with a loop that retrains it, while a server follows
#   backtest  which policy would have served better; of what loop has captured
# Every command is shown before it runs; the copies stay in .build/demo to be looked at and tried on.
set -eu
cd "$(dirname "$0")/.."
scripts/wheel.sh test
scripts/env.sh flights
# the stages' python is the example's own; trueup stands beside it, as a tool does
PATH=$PWD/.build/venv-flights/bin:$PWD/.build/venv-test/bin:$PATH
export PATH GIT_CONFIG_GLOBAL=/dev/null
chapters=" ${CHAPTERS:-gate serve year loop backtest} "
for one in $chapters; do
  case $one in gate | serve | year | loop | backtest) ;; *)
    echo "demo: there is no chapter $one: name some of gate, serve, year, loop, backtest" >&2
    exit 2
    ;;
  esac
done
case $chapters in *" gate "*) ;; *" serve "*) chapters=" gate$chapters" ;; esac
case $chapters in *" loop "*) ;; *" backtest "*) chapters=" loop$chapters" ;; esac
rm -rf .build/demo
mkdir -p .build/demo
# what Git knows of the example, without anybody's results
git ls-files -z --cached --others --exclude-standard examples/flights | xargs -0 tar cf - | tar xf - -C .build/demo
mv .build/demo/examples/flights .build/demo/flights
rmdir .build/demo/examples
cp -R .build/demo/flights .build/demo/year-of-flights
cp -R .build/demo/flights .build/demo/loop-of-flights
cp .build/demo/loop-of-flights/loop.yaml .build/demo/loop-of-flights/trueup.yaml
trueup_python=$PWD/.build/venv-test/bin/python
replay=$PWD/scripts/demo_loop.py
cd .build/demo/flights
said=../said.txt

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
show() { # print a command, run it, and keep what it said
  ends 0 "$@"
}
ends() { # ends CODES COMMAND...: the same for a command that is to end with one of these exit codes
  wanted=$1
  shift
  printf '\n$ %s\n' "$*"
  {
    code=0
    "$@" 2>&1 || code=$?
    echo "$code" >../code.txt
  } | tee "$said"
  code=$(cat ../code.txt)
  [ "$code" = 0 ] || printf '(exit code %s)\n' "$code"
  case " $wanted " in *" $code "*) ;; *)
    echo "demo: ended with exit code $code, not $wanted" >&2
    exit 1
    ;;
  esac
}
expect() { # expect WORDS: the last command said so
  grep -q -- "$1" "$said" || {
    echo "demo: expected to read: $1" >&2
    exit 1
  }
}
answers() { # answers URL SECONDS: wait until a server does
  python - "$@" <<'END'
import sys, time
from urllib.request import urlopen

end = time.monotonic() + float(sys.argv[2])
while True:
    try:
        urlopen(sys.argv[1], timeout=1).close()
        break
    except OSError as error:
        if time.monotonic() > end:
            sys.exit(f"demo: {sys.argv[1]} does not answer: {error}")
        time.sleep(0.1)
END
}
commit() {
  git add --all
  git -c user.name=Ada -c user.email=ada@example.org commit --quiet --message "$1"
}
begin_serving() { # serve the champion at $url
  port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  url=http://127.0.0.1:$port
  printf '\n$ trueup serve flight-late --port %s &\n' "$port"
  trueup serve flight-late --port "$port" 2>../serve.txt &
  server=$!
  trap 'kill "$server" 2>/dev/null' EXIT
  answers "$url/v2/health/ready" 30
}
end_serving() {
  trap - EXIT
  kill "$server"
  wait "$server" || {
    cat ../serve.txt
    exit 1
  }
}
quietly() { # run a command, and keep what it said for when it fails
  "$@" >"$said" 2>&1 || {
    cat "$said"
    exit 1
  }
}
told() { # told TABLE: how flights ended, and when that was known
  quietly trueup captures import flight-late "$1" --id flight_id --label late --label-at known_at --only-labels
}
watched() { # watched DAY: check the weeks that are closed then, and show what they say in short
  code=0
  trueup monitor flight-late --since 2013-02-28 --until "$1" --now "$1" >"$said" 2>&1 || code=$?
  case $code in 0 | 5 | 9) ;; *)
    cat "$said"
    exit 1
    ;;
  esac
  sed -n '/^version/,/^$/p' "$said"
  printf '(exit code %s)\n' "$code"
}

gate() {
  say "The pipeline, as it is declared"
  show trueup dag

  say "Run it: the data, the features, a first model of only 5 trees, its metrics"
  show trueup run --set train.max_iter=5
  expect "promoted: champion of dev"
  commit "The first model"
  show cat metrics.json

  say "It was judged by its rules and promoted, as there was no champion yet. Run it again: nothing"
  say "has changed, and it says why nothing runs"
  show trueup run --explain
  expect "nothing changed: all 4 stages"
  show trueup status

  say "A spoiled candidate, on purpose: a learning rate of 3. Only what depends on it runs again; the"
  say "gate refuses the model, and the champion stays"
  ends 3 trueup run --quiet --set train.learning_rate=3
  expect "2 unchanged, 2 ran"
  expect "refused by the gate"

  say "A candidate that these rows cannot tell from a worse one: undecided, and how many rows would do"
  ends 4 trueup run --quiet --set train.learning_rate=0.1 --set train.max_iter=200
  expect "undecided by the gate"
  expect "rows would"

  say "A better candidate: promoted"
  show trueup run --quiet --set train.max_iter=30
  expect "promoted: champion of dev"
  show trueup gate flight-late/4
  commit "A better model"

  say "The verdict as a page"
  show trueup report flight-late --html ../verdict.html

  say "What changed, and what came of it"
  show trueup params diff HEAD~1
  show trueup metrics diff HEAD~1
  expect "roc_auc"
  show trueup runs
  show trueup compare last~1 last

  say "Go back to the first champion"
  show trueup rollback flight-late --why "to show it"
  show trueup resolve flight-late
  expect "flight-late/1"
  show trueup history flight-late
}

serve() {
  say "Serve the champion, ask it about a day of real flights one by one, and meanwhile promote the better"
  say "model again, on the evidence that is there. No request fails; each answer names its version"
  show python day.py 2013-12-20 ../day.parquet
  begin_serving
  printf '\n$ python ask.py send ../day.parquet %s ../answers.parquet 12 &\n' "$url"
  python ask.py send ../day.parquet "$url" ../answers.parquet 12 >../asked.txt 2>&1 &
  asking=$!
  sleep 4 # a part of the day is answered by the first version
  show trueup promote flight-late/4
  wait "$asking" || {
    cat ../asked.txt ../serve.txt
    exit 1
  }
  show cat ../asked.txt
  expect "980 flights asked, 0 failed; answered: .* by version 1, .* by version 4"
  say "Tell it later how the flights ended; what was captured reads back whole, with the labels"
  show python ask.py label ../day.parquet "$url"
  expect "962 labels told"
  end_serving
  show cat ../serve.txt
  show trueup captures show flight-late -n 3
  show trueup captures export flight-late --out ../labelled.parquet
  expect "962 rows"

  say "The same day as a table: the same predictions, captured likewise"
  show trueup predict flight-late/4 --in ../day.parquet --out ../scored.parquet
  show python ask.py same ../answers.parquet ../scored.parquet
  expect " flights, 0 decided differently"
}

year() {
  say "A model of what was there at the end of February: judged on the last 28 days, so not trained on them"
  show trueup run --quiet --set ingest.until=2013-02-28 --set prepare.test_days=28 --set prepare.validation_days=7
  expect "promoted: champion of dev"
  commit "The model of February"
  show python year.py 2013-02-28 ../year

  say "It is served; asked about a day one by one, it answers as it does for the table of that day"
  show python day.py 2013-02-28 ../first-day.parquet
  begin_serving
  show python ask.py send ../first-day.parquet "$url" ../first-answers.parquet 6
  end_serving
  show trueup predict flight-late --in ../year/2013-02.parquet --out ../year/2013-02-scored.parquet --at predicted_at
  show python ask.py same ../first-answers.parquet ../year/2013-02-scored.parquet

  say "So the year goes by table: each month is predicted and captured at the time that it was asked, the"
  say "labels come at noon of the next day, and on the first of the next month its weeks are checked"
  told ../year/2013-02-labels.parquet
  for month in 03 04 05 06 07 08 09 10 11 12; do
    next=2013-$(printf %02d $((${month#0} + 1)))-01
    [ "$month" != 12 ] || next=2014-01-05
    printf '\n# 2013-%s\n' "$month"
    quietly trueup predict flight-late --in "../year/2013-$month.parquet" --out "../year/2013-$month-scored.parquet" --at predicted_at
    told "../year/2013-$month-labels.parquet"
    watched "$next"
  done

  say "What the year came to"
  ends "5 9" trueup monitor flight-late --since 2013-02-28 --until 2014-01-05 --now 2014-01-05 --html ../year.html
  expect "estimated without labels it was off by"
}

loop() {
  say "When it is retrained, and what follows: loop.yaml, in place of trueup.yaml"
  show sed -n '/^    gate:/,$p' loop.yaml

  say "The model of February, of one flight in three to be quick"
  show trueup run --quiet --set prepare.until=2013-03-01 --set prepare.one_in=3 --set prepare.test_days=28 \
    --set prepare.validation_days=7 --set train.max_iter=30 --set train.learning_rate=0.06 --set train.min_samples_leaf=130
  expect "promoted: champion of dev"
  commit "The model of February"
  show python year.py 2013-02-28 ../loop

  say "Week by week: flights are predicted by the champion and captured, labels come at noon of the next"
  say "day, and on Thursday at 6 there is a pass: trueup tick flight-late --now THURSDAY. A server that"
  say "knows nothing of it is asked all the time, and has to follow the champion"
  begin_serving
  show "$trueup_python" "$replay" "$url" ../loop 2013-03-07T06:00 2014-01-02T06:00
  end_serving
  expect "retrain, because inputs have drifted"
  expect "inconclusive: "
  expect "promoted: version "
  expect "did version .* help?"
  expect " 0 failed; answered: .* by version 1, .* by version "

  say "What was decided, what came of it, and whether it helped"
  show trueup loop explain flight-late --now 2014-01-02T06:00:00Z --limit 8
}

backtest() {
  say "Would another policy have served better? The year once more, of what was captured: all history and"
  say "the last eight weeks, each with and without the gate, beside never"
  show cat policies.yaml
  show trueup backtest flight-late --policies policies.yaml --since 2013-03-01 --until 2014-01-01 --html ../backtest.html
  expect "never"
  expect "eight weeks, no gate"
  [ -s ../backtest.html ] || {
    echo "demo: there is no page of the backtest" >&2
    exit 1
  }
}

begin() { # begin FOLDER: a project of its own
  cd "../$1"
  git init --quiet --initial-branch main
  commit "The flights example"
}

begin flights
case $chapters in *" gate "*) gate ;; esac
case $chapters in *" serve "*) serve ;; esac
case $chapters in *" year "*)
  begin year-of-flights
  year
  ;;
esac
case $chapters in *" loop "*)
  begin loop-of-flights
  loop
  ;;
esac
case $chapters in *" backtest "*) backtest ;; esac

printf '\n'
case $chapters in *" gate "*) printf 'The verdict: %s\n' "$(dirname "$PWD")/verdict.html" ;; esac
case $chapters in *" year "*) printf 'The year: %s\n' "$(dirname "$PWD")/year.html" ;; esac
case $chapters in *" backtest "*) printf 'The backtest: %s\n' "$(dirname "$PWD")/backtest.html" ;; esac
printf 'The projects of this demonstration: %s\n' "$(dirname "$PWD")"
