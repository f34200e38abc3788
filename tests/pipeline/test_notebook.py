"""Notebooks are stages: what is shown in them changes no key, and parameters are put in safely."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.config.records import Stage
from trueup.errors import StageFailed, WrongUsage
from trueup.pipeline.masking import Mask
from trueup.pipeline.notebook import (
    NotANotebook,
    executed_path,
    fingerprint,
    masked,
    prepare,
    stripped,
    variables,
    with_parameters,
)

STRICT = os.environ.get("TRUEUP_CI_STRICT") == "1"
needs_jupyter = pytest.mark.skipif(
    not STRICT and (find_spec("nbclient") is None or find_spec("ipykernel") is None),
    reason="nbclient and ipykernel are not installed; install them with: scripts/env.sh dev",
)


def a_cell(source: str | list[str], *tags: str, kind: str = "code", **more: Any) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    ran: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "source": source, "metadata": metadata, **ran, **more}


def a_notebook(*cells: dict[str, Any], minor: int = 4, **metadata: Any) -> bytes:
    tree = {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": list(cells)}
    return json.dumps(tree).encode()


def sources(body: bytes) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(body)["cells"]]


def namespace(body: bytes) -> dict[str, Any]:
    """Run a Python notebook's cells and return what they define."""
    names: dict[str, Any] = {}
    for source in sources(body):
        exec(source, names)  # noqa: S102 - only what this test wrote
    del names["__builtins__"]
    return names


def test_executing_viewing_and_saving_a_notebook_do_not_change_its_fingerprint() -> None:
    fresh = a_notebook(a_cell("x = 1\nx"), kernelspec={"name": "python3", "language": "python"})
    shown = a_notebook(
        a_cell(
            ["x = 1\n", "x"],
            execution_count=7,
            outputs=[{"output_type": "execute_result", "data": {"text/plain": "1"}}],
            id="8f3a",
            metadata={"collapsed": True, "execution": {"iopub.status.busy": "2026-01-01"}},
        ),
        a_cell(" \n"),
        minor=5,
        kernelspec={"name": "venv-of-ada", "language": "python", "display_name": "Ada's"},
        language_info={"name": "python", "version": "3.13.1"},
        widgets={"state": {}},
    )
    assert stripped(fresh) == stripped(shown)


@pytest.mark.parametrize(
    "changed",
    [
        a_notebook(a_cell("x = 2")),
        a_notebook(a_cell("x = 1"), a_cell("2")),
        a_notebook(a_cell("x = 1", "parameters")),
        a_notebook(a_cell("x = 1", kind="markdown")),
        a_notebook(a_cell("x = 1"), kernelspec={"name": "ir", "language": "R"}),
    ],
)
def test_a_change_of_what_runs_changes_the_fingerprint(changed: bytes, tmp_path: Path) -> None:
    one, other = tmp_path / "one.ipynb", tmp_path / "other.ipynb"
    one.write_bytes(a_notebook(a_cell("x = 1")))
    other.write_bytes(changed)
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"nbformat": 3, "worksheets": []}',
        b'{"nbformat": 4, "cells": {}}',
        b'{"nbformat": 4, "cells": [1]}',
        b'{"nbformat": 4, "cells": [], "metadata": []}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}',
    ],
)
def test_what_is_no_notebook_of_format_4_is_refused_with_its_place(body: bytes) -> None:
    with pytest.raises(NotANotebook, match=r"^a\.ipynb: "):
        stripped(body, "a.ipynb")


def test_parameters_stand_after_the_tagged_cell_and_replace_what_was_put_in_before() -> None:
    body = a_notebook(a_cell("# top"), a_cell("depth = 1", "parameters"), a_cell("y = depth"))
    once = with_parameters(body, {"depth": 3})
    twice = with_parameters(once, {"depth": 4})
    assert namespace(once) == {"depth": 3, "y": 3}
    assert namespace(twice) == {"depth": 4, "y": 4}
    assert len(sources(once)) == len(sources(twice)) == 4


def test_without_a_tagged_cell_parameters_come_first() -> None:
    assert namespace(with_parameters(a_notebook(a_cell("y = x")), {"x": 2})) == {"x": 2, "y": 2}


def test_what_is_executed_begins_without_outputs_and_with_ids_where_the_format_has_them() -> None:
    shown = a_notebook(a_cell("1", outputs=[{"output_type": "stream"}], execution_count=3), minor=5)
    cells = json.loads(with_parameters(shown, {"x": 1}))["cells"]
    assert cells[0]["id"] == "injected-parameters"
    assert cells[1]["outputs"] == []
    assert cells[1]["execution_count"] is None


def test_a_notebook_in_another_language_takes_no_parameters() -> None:
    body = a_notebook(a_cell("1"), kernelspec={"name": "ir", "language": "R"})
    assert sources(with_parameters(body, {})) == ["1"]
    with pytest.raises(WrongUsage, match="notebook in r"):
        with_parameters(body, {"x": 1})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_whatever_the_value_the_notebook_sees_it_and_nothing_else_is_run(value: Any) -> None:
    assert namespace(with_parameters(a_notebook(), {"x": value})) == {"x": value}


def test_a_value_that_has_no_literal_is_refused() -> None:
    with pytest.raises(WrongUsage, match="type object"):
        with_parameters(a_notebook(), {"x": object()})


def test_a_parameter_is_a_variable_by_its_last_part_and_a_mapping_is_a_dictionary() -> None:
    declared = {"params.yaml": {"train.learning-rate": 0.1, "model.lambda": 1, "p": {"q": 2}}}
    assert variables(declared) == {"learning_rate": 0.1, "lambda_": 1, "p": {"q": 2}}


def test_two_parameters_of_one_name_must_agree() -> None:
    assert variables({"params.yaml": {"a.seed": 1}, "b.yaml": {"seed": 1}}) == {"seed": 1}
    with pytest.raises(WrongUsage, match=r"a\.seed and params\.yaml:b\.seed would both"):
        variables({"params.yaml": {"a.seed": 1, "b.seed": 2}})


def test_a_parameter_that_cannot_be_a_variable_is_refused_with_its_place() -> None:
    with pytest.raises(WrongUsage, match=r"^trueup\.yaml:3: the parameter 'layers\.0' cannot"):
        variables({"params.yaml": {"layers.0": 1}}, "trueup.yaml:3")


def test_a_secret_is_masked_in_an_executed_copy_however_it_is_written() -> None:
    secret = 's3cr"et\nvalue'
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["of s3cr", '"et\n', "value here\n"]},
        {"output_type": "error", "evalue": repr(secret), "traceback": [secret]},
    ]
    body = masked(a_notebook(a_cell("1", outputs=outputs)), Mask([secret]).whole)
    assert b"s3cr" not in body
    assert sources(body) == ["1"]


def test_what_is_no_notebook_is_masked_as_it_is() -> None:
    assert masked(b"half {canary", Mask(["canary"]).whole) == b"half {***"


def test_the_executed_copy_lies_below_trueups_own_folder(tmp_path: Path) -> None:
    assert executed_path(tmp_path, "a/b") == tmp_path / ".trueup" / "notebooks" / "a%2Fb.ipynb"


def test_a_notebook_that_is_not_there_fails_its_stage(tmp_path: Path) -> None:
    stage = Stage(name="a", cmd=("a.ipynb",), notebook="a.ipynb")
    with pytest.raises(StageFailed, match=r"the notebook a\.ipynb cannot be read: No such file"):
        prepare(stage, tmp_path, {})


def prepared(root: Path, *cells: dict[str, Any], **params: Any) -> tuple[tuple[str, ...], Path]:
    (root / "notes").mkdir()
    (root / "notes" / "a b.ipynb").write_bytes(a_notebook(*cells))
    stage = Stage(name="look", cmd=("a b.ipynb",), wdir="notes", notebook="notes/a b.ipynb")
    (command,), executed = prepare(stage, root, {"params.yaml": params})
    return command, executed


def env_of_tests(root: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "IPYTHONDIR": str(root / "ipython")}


def execute(command: tuple[str, ...], root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=root,
        env=env_of_tests(root),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@needs_jupyter
def test_a_notebook_runs_in_its_own_folder_with_its_parameters(tmp_path: Path) -> None:
    command, executed = prepared(
        tmp_path,
        a_cell("depth = 1", "parameters"),
        a_cell("import sys; open('made.txt', 'w').write(str(depth)); print(sys.executable)"),
        **{"train.depth": 3},
    )
    done = execute(command, tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)
    assert (tmp_path / "notes" / "made.txt").read_text() == "3"
    shown = json.loads(executed.read_bytes())["cells"][2]["outputs"][0]["text"]
    assert "".join(shown).strip() == sys.executable
    assert b"execution_count" in (tmp_path / "notes" / "a b.ipynb").read_bytes()


@needs_jupyter
def test_a_cell_that_fails_fails_the_stage_and_its_copy_shows_where(tmp_path: Path) -> None:
    command, executed = prepared(tmp_path, a_cell("print('before')"), a_cell("1/0"), a_cell("2"))
    done = execute(command, tmp_path)
    assert done.returncode == 1
    assert "before\n" in done.stdout
    assert "error: a cell of notes/a b.ipynb failed: ZeroDivisionError" in done.stdout
    outputs = [cell["outputs"] for cell in json.loads(executed.read_bytes())["cells"]]
    assert [len(each) for each in outputs] == [1, 1, 0]


@needs_jupyter
def test_a_notebook_that_is_told_to_end_ends_and_leaves_no_kernel(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    source = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    command, _ = prepared(tmp_path, a_cell(source))
    pid = tmp_path / "notes" / "pid"
    running = subprocess.Popen(
        command, cwd=tmp_path, env=env_of_tests(tmp_path), stdout=-3, stderr=-3
    )
    try:
        eventually(lambda: pid.exists() and pid.read_text())
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 130
    finally:
        running.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_without_nbclient_the_stage_says_what_to_install(tmp_path: Path) -> None:
    command, _ = prepared(tmp_path, a_cell("1"))
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    (bare / "python").chmod(0o755)
    done = subprocess.run(
        command, env={"PATH": f"{bare}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 127
    assert "executing notes/a b.ipynb needs nbclient, nbformat, jupyter_client" in done.stdout
    assert "pip install nbclient ipykernel" in done.stdout
