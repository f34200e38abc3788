"""A model asked with the software that it was made with, on rows as they are."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.delivery.elsewhere.asking import Asking, Had, Say, Wanted
from trueup.delivery.elsewhere.environments import Builder
from trueup.delivery.elsewhere.locks import Lock
from trueup.delivery.elsewhere.past import Past
from trueup.delivery.elsewhere.predicting import Predicted, predict_here, predict_with
from trueup.delivery.elsewhere.talking import Place
from trueup.delivery.evaluating import predictions_from
from trueup.delivery.tables import polars
from trueup.errors import WrongUsage
from trueup.models.artifact import Reading
from trueup.models.detection import detect
from trueup.models.libraries import LibraryMissing
from trueup.models.port import Trust
from trueup.models.signature import Signature, decode_signature
from trueup.models.sniffing import Content
from trueup.pipeline.environment import python_on_path, python_version
from trueup.store.artifacts import Artifact

if TYPE_CHECKING:
    import polars as pl

# What a prediction may depend on; of these a lock's version must be installed here.
_LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "joblib", "skops", "lightgbm", "xgboost", "xgboost-cpu"),
    *("torch", "safetensors", "mlflow", "mlflow-skinny", "pandas", "polars"),
)
_HERE_ALONE = ("ONNX", "torch.export", "safetensors")  # no worker opens these


@dataclass(frozen=True)
class Software:
    """A Python with what a model needs, and how a verdict names it."""

    place: Place
    inside: bool  # this very process has the same software
    how: str
    env: Mapping[str, str]  # as the place has it, with the stages' secrets

    def with_code(self, root: Path) -> "Software":
        """Return it with a project's modules in reach, which this process never takes in."""
        return replace(self, place=replace(self.place, code=(root, root / "src")), inside=False)


def predictions(wanted: Wanted, past: Past, folder: Path, say: Say) -> Had:
    """Return what a version predicts on the present rows with its own software."""
    software = software_of(wanted, past, say)
    answered = asked(wanted, past, folder, software, wanted.evaluation.frame)
    how = f"asked {software.how} ({answered.library})"
    return Had(predictions_from(wanted.evaluation, answered.outputs, wanted.shown_as), how)


def checkout_predictions(asking: Asking, path: Path) -> Had:
    """Return what the model at a path predicts with the software that stages find here."""
    software, reading = project_software(asking), Reading(asking.entry.features)
    answered = asked_here(asking, path, asking.evaluation.frame, reading)
    how = f"asked {software.how} ({answered.library})"
    return Had(predictions_from(asking.evaluation, answered.outputs, path.name), how)


def asked_here(asking: Asking, path: Path, table: Any, reading: Reading) -> Predicted:
    """Return what the model at a path answers for a table, with the software of stages here."""
    software, trust = project_software(asking), Trust.of(asking.name, asking.entry.trust)
    if _asks_for_code(trust):
        software = software.with_code(asking.root)
    return _answered(software, path, table, trust, reading)


def asked(wanted: Wanted, past: Past, folder: Path, software: Software, table: Any) -> Predicted:
    """Return what a version answers for a table; the model is placed in the folder first."""
    place = folder / "model"
    wanted.results.place(wanted.model, place)
    trust = Trust.of(wanted.name, wanted.entry.trust)
    if _asks_for_code(trust):
        software = software.with_code(past.root if wanted.version.commit else wanted.root)
    return _answered(software, place, table, trust, Reading((), signature_of(wanted)))


def software_of(wanted: Wanted, past: Past, say: Say) -> Software:
    """Return the software that a version was made with, installed first where need be."""
    lock, now = past.lock, past.lock_now
    present = project_software(wanted)
    recorded = past.software.python
    here = python_version(present.place.python, wanted.root, wanted.env)
    same_python = not recorded or recorded == here
    if lock is None:
        whose = "there is" if now is None else "its commit has"
        return replace(present, how=f"in the project's environment, as {whose} no lock file")
    if now is not None and now.digest == lock.digest and same_python:
        return replace(present, how="in the project's environment, whose lock file is the same")
    builder = Builder(
        root=wanted.root,
        own=wanted.own,
        env=wanted.env,
        secrets=tuple(wanted.secrets.values()),
        say=lambda: say(f"making the environment of {wanted.shown_as} from {lock.name}"),
    )
    inside = _has_all(lock, recorded or here)
    python = Path(sys.executable) if inside else builder.python_of(lock, recorded or here)
    env = builder.surroundings(python)
    how = f"in its own environment, made of {lock.name} at its commit"
    if inside:
        how = f"here, where all is installed that {lock.name} pins for it"
    return Software(_place(wanted, python, env), inside, how, env)


def project_software(asking: Asking) -> Software:
    """Return the Python that stages find here."""
    python = python_on_path(asking.env) or Path(sys.executable)
    how = "in the project's environment"
    inside = _environment_of(python) == Path(sys.prefix).resolve()
    return Software(_place(asking, python, asking.env), inside, how, asking.env)


def signature_of(wanted: Wanted) -> Signature | None:
    """Return the signature that a version was registered with."""
    part = wanted.version.parts.get("signature")
    digest = wanted.version.signature or (part.digest if part else "")
    if not digest:
        return None
    return decode_signature(wanted.results.read(part or Artifact(digest, 0)))


def as_frame(outputs: Mapping[str, Any]) -> "pl.DataFrame":
    """Return a model's answers as a frame."""
    frame: pl.DataFrame = polars().DataFrame(
        {name: one.tolist() if one.dtype.kind == "O" else one for name, one in outputs.items()}
    )
    return frame


def _answered(
    software: Software, model: Path, table: Any, trust: Trust, reading: Reading
) -> Predicted:
    kind = detect(Content(model)).name
    if software.inside or kind == "ONNX":
        try:
            return predict_here(model, table, trust, reading)
        except LibraryMissing:
            if kind in _HERE_ALONE:
                raise
    elif kind in _HERE_ALONE:
        raise WrongUsage(
            f"a model of format {kind} is asked in trueup's own process only, which has other "
            "versions of its libraries",
            remedy="Install trueup into the project's environment, or convert the model: "
            "trueup convert",
        )
    return predict_with(software.place, model, table, trust, reading)


def _asks_for_code(trust: Trust) -> bool:
    """Say whether what comes alive of a model may be of the project's own modules."""
    return bool(trust.pickle or trust.skops)


def _has_all(lock: Lock, python: str) -> bool:
    """Say whether this process has what the lock pins, as far as a prediction depends on it."""
    pins = lock.pins()
    needed = [name for name in _LIBRARIES if name in pins]
    here = ".".join(str(one) for one in sys.version_info[:2])
    learns = {"scikit-learn", "lightgbm", "xgboost", "xgboost-cpu", "torch"} & set(needed)
    return bool(learns) and here == python and all(_installed(one) in pins[one] for one in needed)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _environment_of(python: Path) -> Path:
    return Path(os.path.abspath(python)).parent.parent.resolve()  # noqa: PTH100 - links in bin count


def _place(asking: Asking, python: Path, env: Mapping[str, str]) -> Place:
    secrets = asking.secrets
    given = {name: value for name, value in env.items() if name not in secrets}
    return Place(python=python, cwd=asking.root, env=given, secrets=tuple(secrets.values()))
