"""Bodies that no client should send: refused as what they are, or read as stated here.

Nothing is lost: no such body ends the process, fails another's request or leaves a stack trace.
"""

import gzip
import json
from typing import Any

import pytest

from tests.serving.faults.wire import BODY, Answer, exchange, request
from tests.serving.servers import RECORD, Server

DEEP = 100_000
EDGES = ("/predict", "/invocations", "/v2/models/sale/infer", "/feedback")
SPLIT = json.dumps({"dataframe_split": {"columns": list(RECORD), "data": [["b", 0.5, 3]]}})


def asked(server: Server, body: bytes, path: str = "/predict", *headers: str) -> Answer:
    (answer,) = exchange(server, request(body, *headers, line=f"POST {path} HTTP/1.1"))
    return answer


def of(**change: Any) -> bytes:
    return json.dumps({"records": [{**RECORD, **change}]}).encode()


def raw(name: str, value: str) -> bytes:
    """Return one record in which a field has a value that Python would not write."""
    return of(**{name: "@"}).replace(b'"@"', value.encode("latin-1"))


@pytest.mark.parametrize("path", EDGES)
@pytest.mark.parametrize(
    "body",
    [b"[" * DEEP, b'{"a":' * DEEP, b'{"records":' + b"[" * DEEP + b"]" * DEEP + b"}",
     b'{"inputs":' + b"[" * DEEP, b'{"instances":[' * DEEP, b'{"id":"a","label":' + b"[" * DEEP],
    ids=["arrays", "objects", "closed", "inputs", "instances", "label"],
)  # fmt: skip
def test_json_nested_a_hundred_thousand_times_is_refused(
    server: Server, path: str, body: bytes
) -> None:
    answer = asked(server, body, path)
    assert 400 <= answer.status < 500
    assert answer.says["error"]
    assert server.predict(RECORD)["version"] == 1


@pytest.mark.parametrize(
    ("value", "status"),
    [("NaN", 400), ("Infinity", 400), ("-Infinity", 400), ("1e999", 400), ("-1e999", 400),
     ("1" * 5000, 400), ("1e308", 200), ("-1e308", 200), ("1e-400", 200), ("-0.0", 200),
     ("123456789012345678901234567890", 200), ("0x10", 400), ("01", 400), ("1.", 400),
     ("'1'", 400), ("1_000", 400), ("undefined", 400)],
)  # fmt: skip
def test_a_number_is_what_json_says_and_a_double_holds(
    server: Server, value: str, status: int
) -> None:
    answer = asked(server, raw("near", value))
    assert answer.status == status, answer.body
    if status == 200:
        assert 0 <= answer.says["predictions"][0]["score"] <= 1


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e999", '"NaN"', '"Infinity"', "[1]", '{"a": 1}', '""']
)
def test_no_edge_takes_a_number_that_is_none(server: Server, value: str) -> None:
    bodies = {
        "/predict": raw("near", value),
        "/invocations": SPLIT.replace("0.5", value.replace("NaN", "Infinity")).encode(),
        "/v2/models/sale/infer": json.dumps(
            {
                "inputs": [
                    {"name": "shop", "datatype": "BYTES", "shape": [1], "data": ["b"]},
                    {"name": "near", "datatype": "FP64", "shape": [1], "data": ["@"]},
                    {"name": "staff", "datatype": "INT64", "shape": [1], "data": [3]},
                ]
            }
        )
        .replace('"@"', value)
        .encode(),
    }
    for path, body in bodies.items():
        if path == "/v2/models/sale/infer" and value == "[1]":
            continue  # lists may be nested there as the shape is
        answer = asked(server, body, path)
        assert answer.status in (400, 422), (path, answer.body)
        assert answer.says["error"]


@pytest.mark.parametrize(
    ("text", "status"),
    [('"\xff"', 400), ('"\xc3\xa9"', 200), ('"\xc3"', 400), ('"\xed\xa0\x80"', 400),
     (r'"\ud800"', 400), (r'"\udc00"', 400), (r'"\ud83d\ude00"', 200), (r'"\u0000"', 200),
     ('"\x00"', 400), ('"\n"', 400), (r'"\x41"', 400)],
)  # fmt: skip
def test_a_text_is_what_unicode_allows(server: Server, text: str, status: int) -> None:
    """Invalid UTF-8, halves of a surrogate pair and bare control characters are refused."""
    answer = asked(server, raw("shop", text))
    assert answer.status == status, answer.body
    if status == 200:
        assert answer.says["flags"][0]["kind"] == "unseen"
    for path in EDGES[1:]:
        body = SPLIT.replace('"b"', text).encode("latin-1")
        assert asked(server, body, path).status < 500


def test_of_a_name_that_is_there_twice_the_last_counts(server: Server) -> None:
    twice = b'{"records": [{"shop": 7, "shop": "b", "near": 0.1, "near": 0.5, "staff": 3}]}'
    answer = asked(server, twice)
    assert answer.says["predictions"] == server.predict(RECORD)["predictions"]


def test_a_huge_text_is_an_unseen_category_and_beyond_the_limit_it_is_refused(
    server: Server,
) -> None:
    answer = asked(server, of(shop="x" * 150_000))
    assert answer.says["flags"] == [{"row": 0, "column": "shop", "kind": "unseen"}]
    assert asked(server, of(shop="x" * 250_000)).status == 413


@pytest.mark.parametrize("given", ["", "i" * 201])
def test_an_id_that_no_label_could_name_is_refused(server: Server, given: str) -> None:
    answer = asked(server, json.dumps({"records": [RECORD], "ids": [given]}).encode())
    assert answer.status == 422
    assert answer.says["problems"][0]["path"] == "ids[0]"


def test_a_packed_body_is_refused_and_told_so(server: Server) -> None:
    for path in EDGES:
        for body, coding in ((gzip.compress(BODY), "gzip"), (BODY, "br"), (BODY, "gzip, deflate")):
            answer = asked(server, body, path, f"content-encoding: {coding}")
            assert answer.status == 415
            assert coding in answer.says["error"]
    assert asked(server, BODY, "/predict", "content-encoding: identity").status == 200


def test_a_bomb_is_not_unpacked(server: Server) -> None:
    bomb = gzip.compress(b"[" * 50_000_000, 9)
    assert asked(server, bomb, "/predict", "content-encoding: gzip").status == 415


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}],
        [{"name": "x", "datatype": "FP64", "shape": [2**63 - 1, 2], "data": []}],
        [{"name": "x", "datatype": "FP64", "shape": [2**32, 2**32], "data": []}],
        [{"name": "x", "datatype": "FP64", "shape": [1, 0], "data": []}],
        [{"name": "shop", "datatype": "BYTES", "shape": [1], "data": ["b"]}] * 2,
        [{"name": "shop", "datatype": "BYTES", "shape": [1], "data": [{"a": 1}]}],
        [{"name": "near", "datatype": "INT8", "shape": [1], "data": [300]}],
        [{"name": "near", "datatype": "FP64", "shape": [1], "data": [[[1]]]}],
    ],
)
def test_tensors_that_fit_nothing_are_refused(server: Server, inputs: list[Any]) -> None:
    body = json.dumps({"inputs": inputs}).encode()
    answer = asked(server, body, "/v2/models/sale/infer")
    assert answer.status == 422, answer.body
    assert answer.says["problems"]


def test_columns_that_are_there_twice_are_refused(server: Server) -> None:
    split = {"columns": ["shop", "shop", "near", "staff"], "data": [["a", "b", 0.5, 3]]}
    answer = asked(server, json.dumps({"dataframe_split": split}).encode(), "/invocations")
    assert "'shop' twice" in answer.says["error"]
    csv = b"shop,shop,near,staff\na,b,0.5,3\n"
    (answer,) = exchange(
        server,
        request(csv, line="POST /invocations HTTP/1.1").replace(b"application/json", b"text/csv"),
    )
    assert "'shop' twice" in answer.says["error"]
