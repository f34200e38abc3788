"""Another version takes the live one's place: without a lost request, or not at all."""

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.servers import RECORD, Server, fitted, httpx, said, version
from trueup.models.signature import Field, Signature
from trueup.serving.swap import incompatible, other_answers

Eventually = Callable[..., None]


@pytest.fixture
def following(own_shop: Path) -> Iterator[Server]:
    """A server over a project of its own."""
    server = Server(own_shop, "sale@live")
    yield server
    server.stop()


def test_a_swap_under_traffic_loses_no_request(
    following: Server, own_shop: Path, eventually: Eventually
) -> None:
    seen: list[int] = []
    failed: list[str] = []
    enough = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=following.url, timeout=20.0) as client:
            while not enough.is_set():
                answer = client.post("/predict", json={"records": [RECORD]})
                if answer.status_code == 200:
                    seen.append(answer.json()["version"])
                else:
                    failed.append(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        eventually(lambda: len(seen) > 20)
        said(own_shop, "alias", "sale/2", "live")
        eventually(lambda: seen[-1] == 2)
        eventually(lambda: seen[-20:] == [2] * 20)
    finally:
        enough.set()
        for one in threads:
            one.join()
    assert not failed
    assert set(seen) == {1, 2}
    assert following.metric('trueup_swaps_total{model="sale",result="swapped"}') == 1
    eventually(lambda: "shop/sale/1 is not asked any more" in following.log)


def test_a_version_that_takes_other_columns_is_refused_and_the_old_one_stays(
    following: Server, own_shop: Path, eventually: Eventually
) -> None:
    path = own_shop / "trueup.yaml"
    before = path.read_text()
    path.write_text(before.replace("staff]", "staff, sold]"))
    other = version(own_shop, fitted(3, ("shop", "near", "staff", "sold")))
    path.write_text(before)
    said(own_shop, "alias", other, "live")
    refused = 'trueup_swaps_total{model="sale",result="refused"}'
    eventually(lambda: following.metric(refused) == 1)
    assert following.predict(RECORD)["version"] == 1
    trouble = following.client.get("/v2/models/sale").json()["parameters"]["trouble"]
    assert "version 3 is not served: it takes 'sold'" in trouble
    assert following.metric('trueup_model_behind{model="sale"}') == 1
    said(own_shop, "alias", "sale/2", "live")
    eventually(lambda: following.predict(RECORD)["version"] == 2)
    assert following.metric('trueup_model_behind{model="sale"}') == 0


def test_a_version_whose_file_is_damaged_is_refused(
    following: Server, own_shop: Path, eventually: Eventually
) -> None:
    damaged = version(own_shop, fitted(4))
    shutil.rmtree(own_shop / ".trueup" / "store" / "objects", ignore_errors=True)
    for pack in (own_shop / ".trueup" / "store").rglob("*.pack"):
        pack.unlink()
    said(own_shop, "alias", damaged, "live")
    eventually(lambda: following.metric('trueup_model_behind{model="sale"}') == 1)
    assert following.predict(RECORD)["version"] == 1


def test_a_signal_makes_it_look_at_once(own_shop: Path, eventually: Eventually) -> None:
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text().replace("poll: 0.2s", "poll: 1h"))
    server = Server(own_shop, "sale@live")
    try:
        said(own_shop, "alias", "sale/2", "live")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: server.predict(RECORD)["version"] == 2)
    finally:
        server.stop()


def test_a_version_named_by_number_stays(own_shop: Path) -> None:
    server = Server(own_shop, "sale/2")
    try:
        assert server.predict(RECORD)["version"] == 2
    finally:
        assert server.stop() == 0


NUMBER, TEXT = Field("near", "number"), Field("shop", "text")


@pytest.mark.parametrize(
    ("live", "new", "fits"),
    [
        ((NUMBER, TEXT), (NUMBER,), True),
        ((NUMBER,), (NUMBER, TEXT), False),
        ((Field("near", "integer"),), (NUMBER,), True),
        ((NUMBER,), (Field("near", "integer"),), False),
        ((NUMBER,), (Field("near", "text"),), False),
        ((NUMBER,), (Field("near", "other"),), True),
    ],
)
def test_requests_of_the_live_version_must_fit_the_new_one(
    live: tuple[Field, ...], new: tuple[Field, ...], fits: bool
) -> None:
    assert (incompatible(Signature(live), Signature(new)) == "") is fits


def test_what_the_live_version_answers_the_new_one_must_answer_too() -> None:
    assert other_answers((NUMBER,), (NUMBER, TEXT)) == ""
    assert "gives no 'shop'" in other_answers((NUMBER, TEXT), (NUMBER,))
    assert "as text" in other_answers((NUMBER,), (Field("near", "text"),))
