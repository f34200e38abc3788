"""skops: scikit-learn models without pickle, of audited types whose content is checked too."""

import json
import os
from typing import Any
from zipfile import ZipFile

from trueup.models import skops_types
from trueup.models.estimators import Estimator
from trueup.models.libraries import library
from trueup.models.port import Loaded, ModelDamaged, ModelRefused, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.tables import listed
from trueup.models.tree_bounds import check_bounds


class Skops:
    """A zip archive with a schema.json that names types and arrays."""

    name = "skops"

    def detects(self, content: Content) -> bool:
        """Look for the schema among the members."""
        return content.is_zip and "schema.json" in content.members

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Load what consists of trusted types only, and whose trees stay within their arrays."""
        io = library("skops.io", "skops")
        trusted = [*skops_types.AUDITED, *skops_types.FORMER, *trust.skops]
        schema = guarded(lambda: _schema(content), content, self.name)
        untrusted = set(guarded(lambda: _untrusted(io, content, trusted), content, self.name))
        untrusted |= skops_types.unaudited_ways(schema, trust.skops)
        if untrusted:
            raise _refusal(sorted(untrusted), content, trust)
        model = guarded(lambda: io.loads(content.body, trusted=trusted), content, self.name)
        wrong = check_bounds(model)
        if wrong:
            raise ModelDamaged(
                f"the model's {wrong}; scikit-learn would read beyond its memory",
                remedy="Make it again: trueup run; a file like this does not come about by itself",
                place=os.fspath(content.place),
            )
        return Estimator(model, content)


def _schema(content: Content) -> Any:
    with ZipFile(content.place) as archive:
        damaged = archive.testzip()
        if damaged:
            raise ModelDamaged(
                f"its member {damaged!r} does not match its checksum",
                remedy="Make it again: trueup run, or fetch it again: trueup pull",
                place=os.fspath(content.place),
            )
        return json.loads(archive.read("schema.json"))


def _untrusted(io: Any, content: Content, trusted: list[str]) -> set[str]:
    return set(io.get_untrusted_types(data=content.body)) - set(trusted)


def _refusal(types: list[str], content: Content, trust: Trust) -> ModelRefused:
    return ModelRefused(
        f"it asks for types that are not trusted: {listed(types)}; nothing was run",
        remedy="If you know them and whoever made this file, trust them in your own trueup.yaml: "
        f"models.{trust.model}.trust.skops: [{listed(types, most=3)}]",
        place=os.fspath(content.place),
    )
