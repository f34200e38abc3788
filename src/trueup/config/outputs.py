"""Which stage makes what: no two of them the same output, nor one inside another."""

from collections.abc import Iterator, Mapping

from trueup.config.mistakes import Mistake, shown
from trueup.config.records import Output, Stage

_ONE_EACH = "Give each stage an output of its own."


def check_outputs(stages: Mapping[str, Stage]) -> list[Mistake]:
    """Return a mistake for each output that another stage makes too, in whole or in part."""
    makers: dict[str, tuple[str, Output]] = {}
    mistakes = []
    for name, stage in stages.items():
        for output in stage.outs:
            first = makers.setdefault(output.path, (name, output))[0]
            if first != name:
                problem = f"stages {first!r} and {name!r} both make {shown(output.path)}"
                mistakes.append(Mistake(problem, _ONE_EACH, output.place))
    for path, (name, output) in makers.items():
        for outer in _around(path):
            if outer in makers:
                maker = makers[outer][0]
                problem = f"{shown(path)} of stage {name!r} lies inside {shown(outer)}"
                problem += f" of stage {maker!r}" if maker != name else ", another output of it"
                mistakes.append(Mistake(problem, _ONE_EACH, output.place))
    return mistakes


def _around(path: str) -> Iterator[str]:
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)
