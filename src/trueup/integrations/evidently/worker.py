"""The other side: compares tables with Evidently, one after the other, in whatever Python has it.

It is run as a script, with pandas, PyArrow and Evidently and without trueup: a line of JSON comes
in, a line of JSON goes out. What libraries print goes to the error stream.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any


def compared(question: dict[str, Any]) -> dict[str, Any]:
    """Return what DataDriftPreset measures of two tables; its page is written where it is asked."""
    pandas, evidently = import_module("pandas"), import_module("evidently")
    preset = import_module("evidently.presets").DataDriftPreset
    definition = evidently.DataDefinition(
        numerical_columns=question["numbers"], categorical_columns=question["words"]
    )
    reference, window = (
        evidently.Dataset.from_pandas(
            pandas.read_feather(question[name]), data_definition=definition
        )
        for name in ("reference", "window")
    )
    found = evidently.Report([preset()]).run(window, reference)
    if question["page"]:
        found.save_html(question["page"])
    metrics = [(one["config"], one["value"]) for one in found.dict()["metrics"]]
    config, total = next(pair for pair in metrics if "column" not in pair[0])
    columns = [_column(*pair) for pair in metrics if "column" in pair[0]]
    return {"columns": columns, "share": total["share"], "limit": config["drift_share"]}


def _column(config: dict[str, Any], value: Any) -> dict[str, Any]:
    return {"name": config["column"], "method": config["method"], "threshold": config["threshold"],
            "value": float(value)}  # fmt: skip


def main() -> None:
    """Answer questions until there are no more."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"found": compared(json.loads(line))}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said on the other side
            answer = {"failed": f"{type(error).__name__}: {error}"[:500]}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
