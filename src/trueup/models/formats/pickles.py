"""Pickle and joblib: refused, unless the consumer's own trueup.yaml allows them."""

import re
from typing import Any

from trueup.models.estimators import Estimator
from trueup.models.libraries import library
from trueup.models.port import Loaded, ModelRefused, Trust, guarded
from trueup.models.sniffing import Content, is_pickle


class Pickle:
    """A pickle by any name: bare, compressed by joblib, in torch's archive, in a numpy array."""

    name = "pickle"

    def detects(self, content: Content) -> bool:
        """Look at bytes and member names; nothing is unpickled."""
        if content.folder:
            return False
        if content.is_zip:
            return any(re.search(r"(^|/)data\.pkl$", name) for name in content.members)
        opening = content.unpacked
        if opening.startswith(b"\x93NUMPY"):
            return b"|O" in opening[:256] or b"'O'" in opening[:256]
        return opening.startswith(b"ZF0x") or is_pickle(opening)

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Unpickle where that is allowed; loading then runs whatever the file says."""
        if not trust.pickle:
            raise ModelRefused(
                "it is a pickle, and loading a pickle runs whatever code is in it; nothing was run",
                remedy="Save the model as skops or ONNX. Only if you trust whoever made this file: "
                f"models.{trust.model}.trust.pickle: true in your own trueup.yaml",
                place=str(content.place),
            )
        joblib = library("joblib", "joblib", extra=False)
        model: Any = guarded(lambda: joblib.load(content.place), content, self.name)
        return Estimator(model, content)
