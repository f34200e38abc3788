"""The built wheel holds the package and the examples, all of both, and nothing that lay about."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
UV = CHECKOUT / ".build" / "venv-uv" / "bin" / "uv"
LEFTOVERS = (
    "src/trueup/__pycache__/old.cpython-311.pyc",
    "src/trueup.egg-info/SOURCES.txt",
    "build/lib/trueup/gone.py",
    "dist/trueup-0.0.0-py3-none-any.whl",
    ".trueup/store/objects/aa",
    "examples/flights/data/raw/flights.parquet",
    "examples/flights/model.skops",
    "examples/flights/trueup.lock",
    "examples/flights/__pycache__/train.cpython-311.pyc",
)


def build(source: Path, out: Path) -> Path:
    if not UV.exists():
        pytest.skip("uv is not installed; install it with: scripts/env.sh")
    command = [str(UV), "build", "--quiet", "--wheel", "--out-dir", str(out)]
    lock = str(CHECKOUT / "requirements" / "build.txt")
    subprocess.run(
        [*command, "--build-constraints", lock, "--require-hashes"], cwd=source, check=True
    )
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture
def source(tmp_path: Path) -> Path:
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(CHECKOUT / name, copy)
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(CHECKOUT / "src", copy / "src", ignore=ignore)
    for name in example_sources():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, copy / name)
    return copy


def example_sources() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "examples"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    return listed.stdout.splitlines()


def test_the_wheel_holds_all_of_the_package_and_the_examples_and_no_leftover(
    source: Path, tmp_path: Path
) -> None:
    clean = build(source, tmp_path / "clean")
    for name in LEFTOVERS:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("left over")
    littered = build(source, tmp_path / "littered")

    assert littered.read_bytes() == clean.read_bytes()
    held = {name for name in zipfile.ZipFile(clean).namelist() if ".dist-info/" not in name}
    package = {
        str(path.relative_to(source / "src"))
        for path in (source / "src" / "trueup").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == package | {f"trueup/{name}" for name in example_sources()}
    assert "trueup/py.typed" in held
