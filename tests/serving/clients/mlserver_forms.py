"""Requests as MLServer's own codecs make them, and answers as they read them.

Run by an interpreter that has MLServer (scripts/env.sh peer-mlserver), which trueup's tests have
not: ``python mlserver_forms.py write`` prints the requests of mlserver_forms.json anew,
``python mlserver_forms.py read`` reads answers from its input and prints what it makes of them.
"""

import json
import sys
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

RECORDS: list[dict[str, Any]] = [
    {"shop": "b", "near": 0.5, "staff": 3},
    {"shop": "a", "near": 0.9, "staff": 3},
    {"shop": "b", "near": 0.25, "staff": 0},
]
LACKING: list[dict[str, Any]] = [RECORDS[0], {"shop": "a", "near": None, "staff": 3}]


def write() -> dict[str, Any]:
    """Return each form of a request by its name, with the version that has made it."""
    codecs, types = import_module("mlserver.codecs"), import_module("mlserver.types")
    np, pd = import_module("numpy"), import_module("pandas")
    frame = pd.DataFrame(RECORDS).astype({"shop": object})  # its codec knows no other text
    lacking = pd.DataFrame(LACKING).astype({"shop": object})  # its codec takes no missing text
    near = codecs.NumpyCodec.encode_input("near", np.array([one["near"] for one in RECORDS]))
    staff = codecs.NumpyCodec.encode_input("staff", np.array([one["staff"] for one in RECORDS]))
    shops = [one["shop"] for one in RECORDS]
    columns = {
        "text": codecs.StringCodec.encode_input("shop", shops, use_bytes=False),
        "bytes": codecs.StringCodec.encode_input("shop", shops),
        "base64": codecs.Base64Codec.encode_input("shop", [one.encode() for one in shops]),
        "datetime": codecs.DatetimeCodec.encode_input(
            "shop", [datetime(2026, 1, 1, tzinfo=UTC)] * 3
        ),
    }
    requests = {
        "pandas": codecs.PandasCodec.encode_request(frame),
        "pandas, no bytes": codecs.PandasCodec.encode_request(frame, use_bytes=False),
        "pandas, lacking": codecs.PandasCodec.encode_request(lacking),
        "numpy": codecs.NumpyRequestCodec.encode_request(np.array([[0.5, 3.0], [0.9, 3.0]])),
    }
    for name, shop in columns.items():
        requests[name] = types.InferenceRequest(id="mine", inputs=[shop, near, staff])
    made = {
        name: json.loads(one.model_dump_json(exclude_none=True)) for name, one in requests.items()
    }
    return {"mlserver": import_module("mlserver").__version__, "requests": made}


def read(answers: list[Any]) -> list[Any]:
    """Return the scores that MLServer's codecs read from answers, by column and as a frame."""
    codecs, types = import_module("mlserver.codecs"), import_module("mlserver.types")
    found = []
    for one in answers:
        answer = types.InferenceResponse.model_validate(one)
        frame = codecs.PandasCodec.decode_response(answer)
        column = next(part for part in answer.outputs if part.name == "score")
        found.append([frame["score"].tolist(), codecs.NumpyCodec.decode_output(column).tolist()])
    return found


if __name__ == "__main__":
    result = write() if sys.argv[1] == "write" else read(json.load(sys.stdin))
    json.dump(result, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
