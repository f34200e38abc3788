"""An identity counts by who vouches for it, and for the place it acts in."""

import pytest

from trueup.config.records import Issuers
from trueup.registry.records import Identity
from trueup.registry.vouching import AWS, GITHUB, GOOGLE, counts

ROLE = "arn:aws:sts::123456789012:assumed-role/approvers"
SERVICE = "deploy@acme.iam.gserviceaccount.com"


def verified(issuer: str, account: str, name: str = "subject") -> Identity:
    return Identity(name, verified=True, issuer=issuer, account=account)


@pytest.mark.parametrize(
    ("identity", "issuers", "expected"),
    [
        (Identity("a", issuer=GITHUB, account="acme/x"), Issuers(), False),
        (verified(GITHUB, "acme/x"), Issuers(), True),
        (verified(GITHUB, ""), Issuers(), True),
        (verified(GITHUB, ""), Issuers(github=("acme",)), False),
        (verified(GITHUB, "acme/x"), Issuers(github=("ACME/X",)), True),
        (verified(GITHUB, "acme/xy"), Issuers(github=("acme/x",)), False),
        (verified(GITHUB, "acme/x"), Issuers(github=()), False),
        (verified("https://gitlab.com", "acme/x/y"), Issuers(), True),
        (verified("https://git.acme.example", "acme/x"), Issuers(), False),
        (verified("https://git.acme.example", "a/x"), Issuers(gitlab={}), False),
        (
            verified("https://git.acme.example", "a/x/y"),
            Issuers(gitlab={"https://git.acme.example": ("a/x",)}),
            True,
        ),
        (verified("", "acme/x"), Issuers(), False),
        (verified(AWS, "123456789012", ROLE), Issuers(), False),
        (verified(AWS, "123456789012", ROLE), Issuers(aws=("123456789012",)), True),
        (verified(AWS, "123456789012", ROLE), Issuers(aws=(ROLE,)), True),
        (verified(AWS, "123456789012", ROLE + "x"), Issuers(aws=(ROLE,)), False),
        (verified(GOOGLE, "acme.iam.gserviceaccount.com", SERVICE), Issuers(), False),
        (
            verified(GOOGLE, "acme.iam.gserviceaccount.com", SERVICE),
            Issuers(google=("acme.iam.gserviceaccount.com",)),
            True,
        ),
        (
            verified(GOOGLE, "acme.iam.gserviceaccount.com", SERVICE),
            Issuers(google=(SERVICE,)),
            True,
        ),
        (
            verified(GOOGLE, "x.acme.iam.gserviceaccount.com", "a@x"),
            Issuers(google=("acme.iam.gserviceaccount.com",)),
            False,
        ),
    ],
)
def test_an_identity_counts_where_its_issuer_and_its_place_do(
    identity: Identity, issuers: Issuers, expected: bool
) -> None:
    assert counts(identity, issuers) is expected
