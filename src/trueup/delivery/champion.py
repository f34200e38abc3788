"""What another version predicts on the rows that a candidate is judged on.

Ways are tried in an order: kept predictions, its verified ONNX form, the model itself with the
software that it was made with, and, where the features have changed, the features remade by its
own code. Whatever fails says why in a sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from trueup import clock, ids
from trueup.delivery.elsewhere.asking import Asking, Had, NotComparable, Say, Wanted
from trueup.delivery.elsewhere.kept import keep_predictions, kept_predictions
from trueup.errors import TrueupError

_ABANDONED_S = 86400.0

__all__ = ["Asking", "Had", "NotComparable", "Wanted", "champion_predictions"]


def champion_predictions(wanted: Wanted, say: Say = lambda _: None) -> Had | NotComparable:
    """Return a version's predictions on the rows, or why they cannot be had.

    What took work is kept for the next time.
    """
    digest = wanted.model.digest
    found = kept_predictions(wanted.results, digest, wanted.evaluation)
    if found is not None:
        return Had(found.array, found.how or "kept since it was judged on these rows")
    with _folder(wanted.own) as folder:
        had = _made(wanted, folder, say)
    if isinstance(had, Had):
        keep_predictions(wanted.results, digest, wanted.evaluation, had.predictions, had.how)
    return had


def _made(wanted: Wanted, folder: Path, say: Say) -> Had | NotComparable:
    from trueup.delivery.elsewhere import converted, own, replay
    from trueup.delivery.elsewhere.past import Past
    from trueup.delivery.elsewhere.predicting import ColumnsMissing
    from trueup.delivery.elsewhere.recipes import changed_stages
    from trueup.models.signature import SignatureBroken

    tried: list[str] = []
    with Past(wanted, folder) as past:
        try:
            changed = bool(changed_stages(wanted, past))
        except TrueupError as error:
            return NotComparable(_sentence("its recipe", error))
        if not changed:
            try:
                form = converted.predictions(wanted, folder)
                if form is not None:
                    return form
            except TrueupError as error:
                tried.append(_sentence("its ONNX form", error))
            try:
                return own.predictions(wanted, past, folder, say)
            except (ColumnsMissing, SignatureBroken) as error:
                tried.append(_sentence("on the rows as they are", error))
            except TrueupError as error:
                tried.append(_sentence("its own environment", error))
                return NotComparable("; ".join(tried))
        try:
            return replay.predictions(wanted, past, folder, say)
        except TrueupError as error:
            tried.append(_sentence("its features made again", error))
        return NotComparable("; ".join(tried))


def _sentence(way: str, error: TrueupError) -> str:
    lines = [line.strip() for line in error.problem.splitlines() if line.strip()]
    return f"{way}: {' '.join(lines)}"[:600]


@contextmanager
def _folder(own: Path) -> Iterator[Path]:
    """Give a folder to work in, which goes afterwards."""
    folder = own / "elsewhere" / ids.nonce()
    folder.mkdir(parents=True)
    for one in folder.parent.iterdir():  # whoever was killed could not clear up
        if one.stat().st_mtime < clock.now().timestamp() - _ABANDONED_S:
            rmtree(one, ignore_errors=True)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)
