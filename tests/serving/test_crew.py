"""The parent of several workers: all take a version or none does, whatever one of them does."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from trueup.errors import RemoteSilent, WrongUsage
from trueup.serving.workers.crew import Crew, Orders

# A worker of the crew that loads nothing: what it is to do wrong comes with what is wanted.
WORKER = """
import os, socket, sys
import msgspec
from trueup.serving.workers import words

end = socket.socket(fileno=int(sys.argv[1]))
begin = words.first(end)
wrong = msgspec.json.decode(begin.wanted).get(str(begin.number), "")
decoder = msgspec.json.Decoder(words.ToWorker)
say = lambda word: end.sendall(msgspec.json.encode(word) + b"\\n")
versions, troubles = dict(begin.versions), {}
if wrong == "fails":
    say(words.Failed("there is no such model", "Name another"))
    sys.exit(1)
say(words.Up(("it answers",)))
for line in end.makefile("rb"):
    word = decoder.decode(line)
    if isinstance(word, words.Newest):
        (name, version), = word.versions.items()
        if wrong == "dies":
            os._exit(9)
        if wrong == "refuses":
            troubles = {name: f"version {version} is not proven"}
            say(words.Loaded(name, version, "not proven"))
            say(words.At(versions, troubles))
        else:
            say(words.Loaded(name, version))
    elif isinstance(word, words.Go):
        if not word.why_not and wrong != "does not take":
            versions = {**versions, word.line: word.version}
        troubles = {word.line: word.why_not or ("does not fit" if wrong else "")}
        say(words.At(versions, troubles))
    elif isinstance(word, words.Count):
        say(words.Counted("# HELP a_total A.\\n# TYPE a_total counter\\na_total 1\\n"))
    elif isinstance(word, words.Ready):
        say(words.Asked(1, "look"))
    elif isinstance(word, words.Answered):
        print(begin.number, versions, flush=True)
"""
Lines = list[str]


class Alias:
    """An alias that has moved to version 2."""

    def newest(self, line: str) -> int:
        return 2


class Silent:
    """A registry that does not answer."""

    def newest(self, line: str) -> int:
        raise RemoteSilent("the bucket does not answer", remedy="Wait")


def crew_of(wrong: str, said: Lines, alias: Any) -> Crew:
    """Return two workers, of which the second does something wrong."""

    def start(descriptor: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, str(descriptor)], pass_fds=[descriptor]
        )

    wanted = f'{{"1": "{wrong}"}}'.encode()
    orders = Orders(2, start, wanted, {"sale": 1}, 0.05, said.append, lambda: said.append("up"))
    return Crew(alias, orders)


def run_until(wrong: str, enough: Callable[[Lines, str], bool], alias: Any = None) -> Lines:
    """Run the crew until what it says, or its page, is enough; return what it said."""
    said: Lines = []

    async def run() -> None:
        crew = crew_of(wrong, said, alias or Alias())
        running = asyncio.get_running_loop().create_task(crew.run())
        end = asyncio.get_running_loop().time() + 30
        while not running.done() and not enough(said, crew.page()):
            assert asyncio.get_running_loop().time() < end, said
            await asyncio.sleep(0.01)
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await running

    asyncio.run(run())
    return said


def swaps(how: str, count: int) -> str:
    """Return the line of the page that counts swaps."""
    return f'trueup_swaps_total{{model="sale",result="{how}"}} {count}\n'


def test_all_take_a_version_that_all_have_loaded(capfd: pytest.CaptureFixture[str]) -> None:
    run_until("", lambda said, page: swaps("swapped", 1) in page)
    assert "not served" not in capfd.readouterr().out


@pytest.mark.parametrize("wrong", ["refuses", "dies"])
def test_what_one_cannot_load_none_takes(wrong: str) -> None:
    said = run_until(wrong, lambda said, page: swaps("refused", 1) in page)
    why = "not proven" if wrong == "refuses" else "worker 1 ended while it loaded it"
    assert any(f"sale stays at version 1: version 2 is not served: {why}" in one for one in said), (
        said
    )


def test_one_that_dies_is_started_again_and_counted() -> None:
    page = 'trueup_worker_restarts_total{worker="1"} 2\n'  # it dies of each look
    said = run_until("dies", lambda said, found: page in found)
    assert sum("worker 1 ended with 9" in one for one in said) == 2


def test_a_registry_that_is_silent_leaves_all_as_they_are() -> None:
    said = run_until(
        "", lambda said, _: any("does not answer" in one for one in said), alias=Silent()
    )
    assert sum("does not answer" in one for one in said) == 1


def test_one_that_cannot_even_begin_ends_the_crew_with_its_reason() -> None:
    with pytest.raises(WrongUsage, match="there is no such model"):
        run_until("fails", lambda said, _: False)


def test_it_is_up_once_all_are() -> None:
    said = run_until("", lambda said, _: "up" in said)
    assert said[:2] == ["it answers", "up"]
