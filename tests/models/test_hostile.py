"""Hostile files run nothing, whatever they are called, and the refusal says why."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import tarfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import TrueupError
from trueup.models.artifact import open_model
from trueup.models.packing import Packed, pack
from trueup.models.port import ModelRefused, Trust
from trueup.models.sniffing import is_pickle

EXTENSIONS = ["pkl", "pickle", "joblib", "skops", "onnx", "txt", "json", "ubj", "pt", "pt2"]
EXTENSIONS += ["safetensors", "zip", "tar", "npy", "h5", "lgb", "model", ""]


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, fuse: Path) -> None:
        self.fuse = fuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.fuse),))


@pytest.fixture
def fuse(tmp_path: Path) -> Path:
    return tmp_path / "exploded"


def archived(body: bytes) -> bytes:
    """Put a pickle where torch.save does."""
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        archive.writestr("archive/version", "3")
    return out.getvalue()


def in_an_array(bomb: Bomb) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([bomb], dtype=object), allow_pickle=True)
    return out.getvalue()


def with_a_zip_behind(body: bytes) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        archive.writestr("schema.json", "{}")
    return body + out.getvalue()


WRAPPED: dict[str, Callable[[Bomb], bytes]] = {
    **{f"protocol {k}": partial(pickle.dumps, protocol=k) for k in range(6)},
    "gzip": lambda bomb: gzip.compress(pickle.dumps(bomb)),
    "zlib": lambda bomb: zlib.compress(pickle.dumps(bomb)),
    "bz2": lambda bomb: bz2.compress(pickle.dumps(bomb)),
    "xz": lambda bomb: lzma.compress(pickle.dumps(bomb)),
    "lzma": lambda bomb: lzma.compress(pickle.dumps(bomb), lzma.FORMAT_ALONE),
    "torch.save": lambda bomb: archived(pickle.dumps(bomb)),
    "numpy": in_an_array,
    "with a zip behind": lambda bomb: with_a_zip_behind(pickle.dumps(bomb)),
    "in a list": lambda bomb: pickle.dumps([1, 2, bomb], 0),
}


def test_the_bomb_works_where_pickles_are_allowed(tmp_path: Path, fuse: Path) -> None:
    pytest.importorskip("joblib")
    (tmp_path / "model").write_bytes(pickle.dumps(Bomb(fuse)))
    with pytest.raises(TrueupError):
        open_model(tmp_path / "model", Trust(pickle=True))
    assert fuse.exists()


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_a_pickle_bomb_under_any_extension_runs_nothing(
    wrapped: str, tmp_path: Path, fuse: Path
) -> None:
    for extension in EXTENSIONS:
        place = tmp_path / f"model.{extension}"
        place.write_bytes(WRAPPED[wrapped](Bomb(fuse)))
        with pytest.raises(ModelRefused, match=r"it is a pickle.*nothing was run") as refused:
            open_model(place, Trust(skops=("posix.mkdir",), code=("a:B",), model="late"))
        assert "models.late.trust.pickle: true in your own trueup.yaml" in refused.value.remedy
        assert not fuse.exists()


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_every_pickle_that_says_anything_is_known_as_one(value: Any) -> None:
    for protocol in range(2, 6):
        assert is_pickle(pickle.dumps(value, protocol))


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_with_a_reason(body: bytes) -> None:
    place = Path(os.environ["PYTEST_SCRATCH"]) / "model"
    place.write_bytes(body)
    with pytest.raises(TrueupError) as refused:
        open_model(place)
    assert refused.value.remedy


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_SCRATCH", str(tmp_path))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_climbs_out_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    place = tmp_path / "model.skops"
    if kind == "zip":
        with ZipFile(place, "w") as archive:
            archive.writestr("schema.json", "{}")
            archive.writestr(ZipInfo(name), "x")
    else:
        with tarfile.open(place, "w") as bundle:
            bundle.addfile(tarfile.TarInfo(name))
    with pytest.raises(ModelRefused, match="would write outside its folder"):
        open_model(place)
    assert os.listdir(tmp_path) == ["model.skops"]  # noqa: PTH208 - names are all that is wanted


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "model", "w") as archive:
        link = ZipInfo("weights")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelRefused, match="outside its folder"):
        open_model(tmp_path / "model")
    with tarfile.open(tmp_path / "bundle", "w") as bundle:
        entry = tarfile.TarInfo("weights")
        entry.type, entry.linkname = tarfile.SYMTYPE, "../../etc/passwd"
        bundle.addfile(entry)
    with pytest.raises(ModelRefused, match="outside its folder"):
        open_model(tmp_path / "bundle")


def test_a_tar_that_stays_inside_is_refused_as_no_model(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model", "w") as bundle:
        bundle.addfile(tarfile.TarInfo("model.skops"))
    with pytest.raises(ModelRefused, match="a tar archive is not a model"):
        open_model(tmp_path / "model")


def test_a_folder_that_links_to_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelRefused, match="a link to outside: 'weights'"):
        open_model(tmp_path / "model")


def test_an_archive_that_unpacks_beyond_measure_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "model", "w", compression=8) as archive:
        archive.writestr("schema.json", b" " * 1000)
    body = bytearray((tmp_path / "model").read_bytes())
    at = body.index(b"PK\x01\x02")
    body[at + 24 : at + 28] = (1 << 31).to_bytes(4, "little")  # the size that it claims
    (tmp_path / "model").write_bytes(body)
    with pytest.raises(ModelRefused, match="would unpack to"):
        open_model(tmp_path / "model")


def packed(tmp_path: Path, fuse: Path) -> Path:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "evil.py").write_text(f"import os\nos.mkdir({str(fuse)!r})\nclass Model: ...\n")
    pack(Packed("evil:Model", sources), tmp_path / "model")
    return tmp_path / "model"


def test_packed_code_runs_only_for_a_class_that_the_consumer_names(
    tmp_path: Path, fuse: Path
) -> None:
    place = packed(tmp_path, fuse)
    for code in ((), ("evil:Other",), ("good:Model",)):
        with pytest.raises(ModelRefused, match=r"the class 'evil:Model'; nothing was run"):
            open_model(place, Trust(pickle=True, code=code))
    assert not fuse.exists()


def test_packed_code_that_was_changed_is_not_run(tmp_path: Path, fuse: Path) -> None:
    place = packed(tmp_path, fuse)
    (place / "code" / "evil.py").write_text("class Model: ...")
    with pytest.raises(TrueupError, match=r"'code/evil\.py' is not what was packed"):
        open_model(place, Trust(code=("evil:Model",)))
    (place / "code" / "more.py").write_text("")
    with pytest.raises(TrueupError, match=r"'code/more\.py' is there"):
        open_model(place, Trust(code=("evil:Model",)))


@pytest.mark.parametrize("file", ["../../secret", "/etc/passwd"])
def test_an_mlflow_folder_that_names_a_file_outside_is_refused(file: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    described = {"flavors": {"lightgbm": {"data": file}}}
    (tmp_path / "model" / "MLmodel").write_text(json.dumps(described))
    with pytest.raises(ModelRefused, match="names a file outside its folder"):
        open_model(tmp_path / "model")


def test_an_mlflow_folder_with_a_pickle_runs_nothing(tmp_path: Path, fuse: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pkl").write_bytes(pickle.dumps(Bomb(fuse)))
    for flavour in ({"sklearn": {"pickled_model": "model.pkl"}}, {"onnx": {"data": "model.pkl"}}):
        described = {"flavors": {**flavour, "python_function": {"loader_module": "mlflow.sklearn"}}}
        (tmp_path / "model" / "MLmodel").write_text(json.dumps(described))
        with pytest.raises(ModelRefused, match="nothing was run") as refused:
            open_model(tmp_path / "model", Trust(model="late"))
        assert "models.late.trust.pickle" in refused.value.remedy
    (tmp_path / "model" / "MLmodel").write_text(f"a: !!python/object/apply:os.mkdir [{fuse}]")
    with pytest.raises(TrueupError):
        open_model(tmp_path / "model")
    assert not fuse.exists()
