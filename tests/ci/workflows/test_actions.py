"""The table of actions is read anew from what their repositories publish."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "actions_script", Path(__file__).parents[3] / "scripts" / "actions.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
script = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(script)
A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


def test_the_newest_version_is_by_number_and_an_annotated_tag_means_its_commit() -> None:
    listed = (
        f"{A}\trefs/tags/v10\n{A}\trefs/tags/v9.9.9\n{B}\trefs/tags/v10.0.1\n"
        f"{C}\trefs/tags/v10.0.1^{{}}\n{D}\trefs/tags/v11.0.0-rc.1\n"
    )
    assert script.newest(listed) == ("v10.0.1", C)
    assert script.newest(f"{D}\trefs/tags/v1.2.3\n") == ("v1.2.3", D)


def test_a_repository_without_full_versions_is_refused() -> None:
    with pytest.raises(ValueError, match="no tag such as"):
        script.newest(f"{A}\trefs/tags/v10\n")
