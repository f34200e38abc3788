"""A job approves as the person that its token says, from the command to the bucket."""

from pathlib import Path

import pytest

pytest.importorskip("jwt", reason="install it with: pip install 'trueup[identity]'")

from tests.project.projects import ran, write
from tests.registry.test_commands import PROJECT, as_json, call, out
from tests.support.issuer import issuing


def test_a_job_approves_as_the_person_that_its_token_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with issuing(tmp_path) as issuer:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "issuer.pem"))
        counted = f'\nidentity: {{gitlab: {{"{issuer.url}": [acme]}}}}\n'
        root = write(tmp_path / "project", PROJECT)
        text = (root / "trueup.yaml").read_text()
        (root / "trueup.yaml").write_text(text + counted)
        ran(root)
        out(root, "register", "late")
        good, late = issuer.token(), issuer.token(user_login="eve", exp=1_700_000_000)

        monkeypatch.setenv("TRUEUP_ID_TOKEN", late)
        refused = call(root, "reject", "late/1", "--env", "prod")
        assert refused.exit_code == 0
        assert "TRUEUP_ID_TOKEN: it has expired" in refused.stderr + capfd.readouterr().err

        monkeypatch.setenv("TRUEUP_ID_TOKEN", good)
        by = as_json(root, "approve", "late/1", "--env", "prod")["event"]["by"]
        assert by["verified"] is True
        assert (by["person"], by["account"]) == ("grace", "acme/flights")

        monkeypatch.setenv("TRUEUP_ID_TOKEN", issuer.token(project_path="eve/flights"))
        monkeypatch.setenv("GITLAB_USER_LOGIN", "eve")
        assert as_json(root, "reject", "late/1", "--env", "prod")["event"]["by"] == {"name": "eve"}

    for token in (good, late):
        sealed = token.rpartition(".")[2].encode()
        assert not [
            file for file in root.rglob("*") if file.is_file() and sealed in file.read_bytes()
        ]
