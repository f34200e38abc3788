"""Environments made of lock files, for models that others trained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.flights_project import commit, git, plain_env
from tests.project.projects import write
from trueup.delivery.elsewhere.environments import Builder, EnvironmentFailed
from trueup.delivery.elsewhere.locks import Lock, lock_at, lock_here

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_lock_file_is_found_at_a_commit_as_in_the_checkout(tmp_path: Path) -> None:
    root = tmp_path / "one"
    write(tmp_path, {"uv.lock": _UV_LOCK, "pyproject.toml": "[project]\n", "one/a.py": ""})
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "Begin")
    head = subprocess.run(
        ["git", "-C", str(tmp_path), "rev-parse", "HEAD"], check=True, capture_output=True
    )
    found, here = lock_at(root, head.stdout.decode().strip()), lock_here(root)
    assert found is not None
    assert found == here
    assert found.path == "../uv.lock"
    assert found.project == b"[project]\n"
    assert found.pins() == {"scikit-learn": {"1.6.1", "1.7.0"}, "numpy": {"2.2.6"}}
    write(root, {"requirements.txt": "numpy\n"})
    assert lock_here(root) == found  # one without hashes pins nothing
    write(root, {"requirements.txt": "Scikit_Learn[x]==1.6.1 ; a \\\n  --hash=sha256:0\n"})
    listed = lock_here(root)
    assert listed is not None
    assert listed.pins() == {"scikit-learn": {"1.6.1"}}


_UV_LOCK = """
    version = 1
    [[package]]
    name = "scikit-learn"
    version = "1.6.1"
    [[package]]
    name = "scikit-learn"
    version = "1.7.0"
    [[package]]
    name = "numpy"
    version = "2.2.6"
    """


def builder(root: Path, **env: str) -> Builder:
    """Return what makes environments below a folder."""
    return Builder(root=root, own=root / ".trueup", env=plain_env(**env))


PYTHON = ".".join(map(str, sys.version_info[:2]))


def local(root: Path) -> tuple[Lock, dict[str, str]]:
    """Return a lock of one package that lies in a folder, and how installers find it."""
    import base64
    import hashlib
    from zipfile import ZipFile

    wheels = root / "wheels"
    wheels.mkdir()
    wheel, info = wheels / "tiny-1.0-py3-none-any.whl", "tiny-1.0.dist-info"
    bodies = {
        "tiny.py": b"WORD = 'there'\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, body in bodies.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(body)}\n"
    with ZipFile(wheel, "w") as archive:
        for name, body in {**bodies, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, body)
    hashed = hashlib.sha256(wheel.read_bytes()).hexdigest()
    found = {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1"}
    found |= {"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    body = f"tiny==1.0 --hash=sha256:{hashed}\n".encode()
    return Lock(path="requirements.txt", body=body), found


def test_an_environment_is_made_of_a_lock_once_and_again_where_it_was_left_half_made(
    tmp_path: Path,
) -> None:
    lock, found = local(tmp_path)
    made: list[str] = []
    one = Builder(
        root=tmp_path,
        own=tmp_path / ".trueup",
        env=plain_env(**found),
        say=lambda: made.append("made"),
    )
    python = one.python_of(lock, PYTHON)
    said = subprocess.run(
        [python, "-c", "import tiny; print(tiny.WORD)"], capture_output=True, check=True
    )
    assert said.stdout == b"there\n"
    assert one.python_of(lock, PYTHON) == python
    assert made == ["made"]
    (python.parent.parent / "trueup-complete").unlink()
    assert one.python_of(lock, PYTHON) == python
    assert made == ["made", "made"]
    found_first = one.surroundings(python)["PATH"].split(os.pathsep)[0]
    assert found_first == str(python.parent)


@pytest.mark.slow
def test_without_uv_pip_makes_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, found = local(tmp_path)
    monkeypatch.setattr(Builder, "_uv", lambda self: [])
    python = builder(tmp_path, **found).python_of(lock, PYTHON)
    subprocess.run([python, "-c", "import tiny"], check=True)
    with pytest.raises(EnvironmentFailed, match="needs uv"):
        builder(tmp_path).python_of(Lock(path="uv.lock", body=b""), PYTHON)


def test_another_hash_than_the_lock_has_is_not_installed_and_the_installer_is_quoted(
    tmp_path: Path,
) -> None:
    lock, found = local(tmp_path)
    body = lock.body[:-65] + b"0" * 64 + b"\n"
    env = {**found, "UV_EXTRA_INDEX_URL": "https://me:hunter2hunter2@127.0.0.1:9/simple"}
    with pytest.raises(EnvironmentFailed, match=r"(?i)hash") as raised:
        builder(tmp_path, **env).python_of(Lock(path="requirements.txt", body=body), PYTHON)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", ["poetry.lock", "pdm.lock", "pixi.lock", "conda-lock.yml"])
def test_locks_of_other_tools_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(EnvironmentFailed, match=name):
        builder(tmp_path).python_of(Lock(path=name, body=b""), PYTHON)


def test_requirements_without_hashes_are_no_lock(tmp_path: Path) -> None:
    lock = Lock(path="requirements.lock", body=b"numpy==2.2.6\n")
    with pytest.raises(EnvironmentFailed, match="no hashes"):
        builder(tmp_path).python_of(lock, PYTHON)


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_an_environment_is_made_of_the_locks_of_uv(tmp_path: Path, name: str) -> None:
    _, found = local(tmp_path)
    ours = CHECKOUT / ".build" / "venv-uv" / "bin"
    one = builder(tmp_path, **found, PATH=f"{os.environ['PATH']}{os.pathsep}{ours}")
    uv = one._uv()
    if not uv:
        pytest.skip("uv is not installed; install it with: scripts/env.sh")
    project = f'[project]\nname = "p"\nversion = "0"\nrequires-python = ">={PYTHON}"\n'
    write(tmp_path, {"pyproject.toml": project + 'dependencies = ["tiny"]\n'})
    subprocess.run([*uv, "lock", "--quiet"], cwd=tmp_path, env=dict(one.env), check=True)
    if name == "pylock.toml":
        export = [*uv, "export", "--quiet", "--no-emit-project", "--output-file", name]
        subprocess.run(export, cwd=tmp_path, env=dict(one.env), check=True, capture_output=True)
        (tmp_path / "uv.lock").unlink()
    lock = lock_here(tmp_path)
    assert lock is not None
    assert lock.name == name
    assert lock.pins()["tiny"] == {"1.0"}
    python = one.python_of(lock, PYTHON)
    subprocess.run([python, "-c", "import tiny"], check=True)
