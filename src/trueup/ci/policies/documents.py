"""Policies as documents: IAM's for S3, who may become a role, and an S3 server's own."""

from typing import Any, TypeAlias

import msgspec

from trueup.ci.policies.jobs import Issuer
from trueup.ci.policies.rights import Rights

Document: TypeAlias = dict[str, Any]


class Home(msgspec.Struct, frozen=True):
    """Where a project's place in a bucket is."""

    bucket: str
    prefix: str = ""  # without slashes at its ends

    def key(self, folder: str) -> str:
        """Return a folder's keys in the bucket, all of them with a star."""
        return "/".join(part for part in (self.prefix, f"{folder}*") if part)


def aws(rights: Rights, home: Home) -> Document:
    """Return the identity policy of an IAM role (its grammar of 2012-10-17)."""
    arn = f"arn:aws:s3:::{home.bucket}"
    within = {"Condition": {"StringLike": {"s3:prefix": [home.key("")]}}} if home.prefix else {}
    read = [_allow("Read", ["s3:GetObject"], [f"{arn}/{home.key('')}"])]
    listing = {**_allow("List", ["s3:ListBucket"], [arn]), **within}
    write = _allow(
        "Write",
        ["s3:PutObject", "s3:AbortMultipartUpload"],
        [f"{arn}/{home.key(folder)}" for folder in rights.writes],
    )
    delete = _allow(
        "Delete",
        ["s3:DeleteObject"],
        [f"{arn}/{home.key(folder)}" for folder in rights.deletes],
    )
    return {"Version": "2012-10-17", "Statement": [listing, *read, write, delete]}


def aws_trust(issuer: Issuer, subject: str, account: str) -> Document:
    """Return who may become a role: jobs of which an issuer's identity tokens say this subject."""
    claims = {f"{issuer.host}:aud": issuer.audience}
    condition: Document = {"StringEquals": claims}
    if "*" in subject:
        condition["StringLike"] = {f"{issuer.host}:sub": subject}
    else:
        claims[f"{issuer.host}:sub"] = subject
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer.host}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }
        ],
    }


def seaweedfs(rights: Rights, home: Home) -> list[str]:
    """Return the ``actions`` of an identity in SeaweedFS's s3.json."""
    listed = [f"List:{home.bucket}"]
    if rights.writes == ("",):
        whole = f"{home.bucket}/{home.key('')}"
        return [*listed, f"Read:{whole}", f"Write:{whole}"]
    writes = [f"Write:{home.bucket}/{home.key(folder)}" for folder in rights.writes]
    return [*listed, f"Read:{home.bucket}/{home.key('')}", *writes]


def _allow(name: str, actions: list[str], resources: list[str]) -> Document:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}
