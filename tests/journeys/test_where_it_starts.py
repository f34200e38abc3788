"""The project is found from where a command really runs."""

from pathlib import Path

from tests.journeys.checkout import Checkout

PIPELINE = "stages:\n  s: {cmd: echo x > out.txt, outs: [out.txt]}\n"


def test_a_stale_pwd_variable_does_not_lead_elsewhere(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project", {"PWD": str(tmp_path)})
    checkout.write("trueup.yaml", PIPELINE)
    checkout.ok("run")
    assert (checkout.root / "out.txt").exists()


def test_a_command_without_pwd_finds_its_folder(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    del checkout.env["PWD"]
    checkout.write("trueup.yaml", PIPELINE)
    checkout.ok("run")


def test_the_nearest_project_upward_is_taken(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.write("trueup.yaml", PIPELINE)
    below = Checkout(tmp_path / "project" / "src" / "deep")
    below.ok("run")
    assert (checkout.root / "out.txt").exists()


def test_another_folder_may_be_named(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.write("trueup.yaml", PIPELINE)
    Checkout(tmp_path / "elsewhere").ok("-C", str(checkout.root), "run")
    assert (checkout.root / "out.txt").exists()
