"""Each bad project gets one clear message, exit 2, and stays on disk exactly as it was."""

from pathlib import Path

import pytest

from tests.journeys.bad_inputs import WRITTEN, Bad
from tests.journeys.checkout import Checkout, tree


def lay_out(bad: Bad, root: Path) -> Checkout:
    checkout = Checkout(root)
    for name, text in bad.files.items():
        checkout.write(name, text.encode("utf-8", "surrogateescape"))
    for name, target in bad.links.items():
        (root / name).symlink_to(target)
    return checkout


@pytest.mark.parametrize("bad", WRITTEN, ids=lambda bad: bad.name)
def test_a_bad_project_gets_one_clear_message_and_stays_as_it_is(bad: Bad, tmp_path: Path) -> None:
    checkout = lay_out(bad, tmp_path / "project")
    before = tree(checkout.root)
    for words in (bad.words, ("status", "--json")) if bad.words == ("run",) else (bad.words,):
        done = checkout.call(*words)
        assert done.returncode == bad.code, done.stdout + done.stderr
        assert done.stdout == ""
        is_one_clear_message(done.stderr)
        for part in bad.says:
            assert part in done.stderr
        assert tree(checkout.root) == before


def is_one_clear_message(said: str) -> None:
    """Fail where there is more than one error, no remedy, a traceback or too much to read."""
    assert "Traceback" not in said, said
    assert said.count("error: ") == 1, said
    lines = said[said.index("error: ") :].splitlines()
    assert len(lines) >= 2, f"no remedy: {said}"
    assert len(lines) <= 25, said
    assert all(len(line) < 600 for line in lines), said


def test_three_megabytes_of_mistakes_are_told_in_a_screenful(tmp_path: Path) -> None:
    stages = "".join(f"  s{number}: {{cmd: echo x, dep: [in.txt]}}\n" for number in range(80_000))
    checkout = Checkout(tmp_path / "project")
    checkout.write("trueup.yaml", f"stages:\n{stages}")
    before = tree(checkout.root)
    done = checkout.call("run")
    assert done.returncode == 2
    is_one_clear_message(done.stderr)
    assert "80000 mistakes" in done.stderr
    assert tree(checkout.root) == before


def test_three_megabytes_of_parameters_are_read(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.write("params.yaml", "".join(f"key{n}: [{n}, {n}e-3]\n" for n in range(130_000)))
    checkout.write(
        "trueup.yaml",
        "stages: {s: {cmd: echo x > out.txt, params: [key129999], outs: [out.txt]}}\n",
    )
    checkout.ok("run")
    assert "nothing changed" in checkout.ok("run")


def test_words_and_numbers_of_older_yaml_are_read_as_1_2(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.write("params.yaml", "a: 1e-3\nb: on\nc: 010\nd: 0o10\ne: yes\nf: 1_000\n")
    checkout.write(
        "trueup.yaml",
        "stages: {s: {cmd: 'echo ${a} ${b} ${c} ${d} ${e} > out.txt', outs: [out.txt]}}\n",
    )
    checkout.ok("run")
    assert (checkout.root / "out.txt").read_text() == "0.001 on 10 8 yes\n"


@pytest.mark.parametrize(
    "name",
    ["two words", "naïve 日本", "-dash", "line\nbreak", "quote's \"$HOME`", "back\\slash", "a:b#c"],
)
def test_a_folder_may_hold_files_of_any_name(name: str, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.write(f"data/{name}", "in\n")
    checkout.write(
        "trueup.yaml",
        "stages: {s: {cmd: cp -r data copy, deps: [data], outs: [copy]}}\n",
    )
    checkout.ok("run")
    (checkout.root / "copy" / name).unlink()
    checkout.ok("run")
    assert (checkout.root / "copy" / name).read_text() == "in\n"
    checkout.write(f"data/{name}", "other\n")
    checkout.ok("run")
    assert (checkout.root / "copy" / name).read_text() == "other\n"
