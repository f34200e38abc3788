"""DVC's own reading, one JSON line per question; runs under the Python that has DVC."""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def words(texts: list[str]) -> list[str]:
    """Return what each text means as the value of a YAML mapping, as Python shows it."""
    load = import_module("ruamel.yaml").YAML
    found = []
    for text in texts:
        try:
            found.append(repr(load(typ="safe").load(text)))
        except Exception:  # noqa: BLE001  a refusal is an answer
            found.append("refused")
    return found


def stages(files: dict[str, str]) -> dict[str, Any]:
    """Return every stage of a project that has these files, or why DVC refuses it."""
    repo_class = import_module("dvc.repo").Repo
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            repo_class.init(folder, no_scm=True).close()
            for name, text in files.items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_text(text, "utf-8")
            with repo_class(folder) as repo:
                repo.check_graph(repo.index.stages)
                found = {stage.name: seen(stage, folder) for stage in repo.index.stages}
        except Exception as error:  # noqa: BLE001  a refusal is an answer
            return {"refused": str(error)}
        finally:
            os.chdir("/")
    return {"stages": found}


def seen(stage: Any, folder: str) -> dict[str, Any]:
    """Return what DVC made of one stage, with paths relative to the project."""
    params = {}
    deps = []
    for dep in stage.deps:
        name = os.path.relpath(dep.fs_path, folder)
        if dep.hash_name == "params":
            params[name] = sorted(set(dep.params))
        else:
            deps.append(name)
    outs = {}
    for out in stage.outs:
        kind = "metrics" if out.metric else "plots" if out.plot else "out"
        name = os.path.relpath(out.fs_path, folder)
        outs[name] = [kind, out.use_cache, out.persist, out.can_push]
    return {
        "cmd": stage.cmd if isinstance(stage.cmd, list) else [stage.cmd],
        "wdir": os.path.relpath(stage.wdir, folder),
        "deps": sorted(deps),
        "params": params,
        "outs": outs,
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "desc": stage.desc or "",
    }


def values(name: str, text: str, keys: list[str]) -> dict[str, Any]:
    """Return the parameters that DVC reads from one file, as Python shows them."""
    module = import_module("dvc.dependency.param")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, "utf-8")
        try:
            fs = import_module("dvc.fs").LocalFileSystem()
            found = module.read_param_file(fs, str(path), keys, flatten=True)
        except Exception as error:  # noqa: BLE001  a refusal is an answer
            return {"refused": str(error)}
    return {"values": {key: repr(value) for key, value in found.items()}}


def main() -> None:
    """Answer until the questions end."""
    answers, sys.stdout = sys.stdout, sys.stderr  # DVC itself prints too
    asks: dict[str, Callable[..., Any]] = {"words": words, "stages": stages, "values": values}
    for line in sys.stdin:
        question = json.loads(line)
        answers.write(json.dumps(asks[question["ask"]](*question["of"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
