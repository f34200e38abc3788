"""A candidate's predictions: the pipeline's own of just this model, else the model is asked."""

from dataclasses import fields

from trueup.delivery.elsewhere.asking import Asking, Had, NotComparable, Wanted
from trueup.delivery.elsewhere.kept import kept_predictions
from trueup.delivery.elsewhere.own import checkout_predictions
from trueup.delivery.evaluating import Evaluation, predictions_of
from trueup.delivery.subject import Candidate, Subject, is_here
from trueup.delivery.tables import read_table
from trueup.delivery.training import holds
from trueup.errors import TrueupError, WrongUsage
from trueup.pipeline.inputs import Locked
from trueup.pipeline.lock import read_lock
from trueup.registry.records import Registered


def candidate_predictions(subject: Subject, candidate: Candidate, asking: Asking) -> Had:
    """Return a candidate's predictions.

    Of the file that a stage has written from just this model and these rows; else those kept of
    it; else the model is asked, in the project's environment or in that of its version.
    """
    table = asking.evaluation
    evaluate = table.entry
    if not subject.entry.path and evaluate.data in ("", evaluate.predictions):
        return Had(predictions_of(table, table.frame), f"of {table.shown_as}")
    alone = not subject.entry.path  # nothing else is there that could be asked
    if evaluate.predictions and (alone or _made_of(subject, candidate, table)):
        subject.digest(evaluate.predictions)
        frame = read_table(subject.root / evaluate.predictions, evaluate.predictions)
        return Had(predictions_of(table, frame), f"of {evaluate.predictions}")
    found = kept_predictions(subject.results, candidate.model.digest, table)
    if found is not None:
        return Had(found.array, found.how or "kept since it was judged before")
    if subject.entry.path and is_here(subject, candidate):
        return _asked_here(subject, asking)
    if candidate.version is None:
        raise WrongUsage(
            f"the model {candidate.model.digest[:12]} is neither a version nor in this checkout",
            remedy="Judge the model of this checkout, or a version: trueup gate MODEL/N",
        )
    made = version_predictions(asking, candidate.version)
    if isinstance(made, NotComparable):
        raise WrongUsage(
            f"version {candidate.version.version} cannot be judged on these rows: {made.why}",
            remedy="Judge it where its commit is checked out: trueup run, then trueup gate",
        )
    return made


def _asked_here(subject: Subject, asking: Asking) -> Had:
    """Return what the model of this checkout says now, as its predictions are of another."""
    stale = asking.evaluation.entry.predictions
    try:
        return checkout_predictions(asking, subject.root / subject.entry.path)
    except TrueupError as error:
        maker = subject.graph.producer(stale) if stale else None
        if maker is None:
            raise
        raise WrongUsage(
            f"{stale} was not made of this model and these rows, and {subject.entry.path} could not"
            f" be asked: {error.problem}",
            remedy=f"Make it anew with: trueup run {maker}",
        ) from error


def version_predictions(asking: Asking, version: Registered) -> Had | NotComparable:
    """Return what a version predicts on the rows, in whatever way it can be had."""
    from trueup.delivery.champion import champion_predictions

    known = {field.name: getattr(asking, field.name) for field in fields(asking)}
    return champion_predictions(Wanted(**known, version=version))


def asking_of(subject: Subject, table: Evaluation) -> Asking:
    """Return the rows, and the checkout that models are asked from."""
    return Asking(
        evaluation=table,
        name=subject.name.partition("/")[2],
        entry=subject.entry,
        graph=subject.graph,
        results=subject.results,
        root=subject.root,
        own=subject.own,
        env=subject.env,
    )


def _made_of(subject: Subject, candidate: Candidate, table: Evaluation) -> bool:
    """Say whether the lock proves that the predictions are this model's, on these rows.

    The stage that wrote them has read both; or it has made the model, or the rows, itself.
    """
    path = table.entry.predictions
    locked = read_lock(subject.root).stages.get(subject.graph.producer(path) or "")
    if locked is None or not is_here(subject, candidate):
        return False
    needed = [subject.entry.path, *([table.entry.data] if table.entry.data != path else [])]
    return all(
        _has_read(subject, locked, each) or _has_made(subject, locked, each)
        for each in needed
        if each
    )


def _has_read(subject: Subject, locked: Locked, path: str) -> bool:
    """Say whether a stage has read a file, or the folder that it lies in, as it is now."""
    return any(
        holds(dep, path) and digest == subject.digest(dep)
        for dep, digest in locked.inputs.deps.items()
    )


def _has_made(subject: Subject, locked: Locked, path: str) -> bool:
    """Say whether a stage has made a file, or the folder that it lies in, as it is now."""
    return any(
        holds(out, path) and made.digest == subject.digest(out) for out, made in locked.outs.items()
    )
