"""torch.export: graphs of PyTorch, read anew from audited parts.

torch.export.load itself runs what a hostile file asks for: pickled weights and sample inputs,
guards that are executed, shapes that are evaluated, operators by any name. So the archive is
audited and written anew, in memory, and only that is given to torch.
"""

import io
import json
import os
import re
from zipfile import ZipFile

from trueup.models.formats.torch_graph import Unsafe, audited_graph
from trueup.models.libraries import library
from trueup.models.port import Loaded, ModelRefused, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.torch_tensors import Network

_MEMBER = re.compile(
    r"[^/]+/(data/weights/weight_\d+|data/constants/tensor_\d+|models/model\.json"
    r"|data/weights/model_weights_config\.json|data/constants/model_constants_config\.json"
    r"|data/sample_inputs/model\.pt|archive_format|archive_version|byteorder|version"
    r"|\.data/(version|serialization_id)|\.format_version|\.storage_alignment)"
)


class TorchExport:
    """A .pt2 archive: a graph as JSON, weights as bytes."""

    name = "torch.export"

    def detects(self, content: Content) -> bool:
        """Look for the graph among the members; torch.save's archives have none."""
        return content.is_zip and any(one.endswith("/models/model.json") for one in content.members)

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Load a graph of aten operators; anything else in the archive is refused."""
        try:
            clean = guarded(lambda: _clean(content), content, self.name)
        except Unsafe as error:
            raise ModelRefused(
                f"{error}; nothing was run",
                remedy="Export the model as a graph of plain aten operators, without custom "
                "objects, and save it with torch.export.save",
                place=os.fspath(content.place),
            ) from error
        torch = library("torch", "torch", extra=False)
        program = guarded(lambda: torch.export.load(io.BytesIO(clean)), content, self.name)
        names = tuple(program.graph_signature.user_inputs)
        module = guarded(program.module, content, self.name)
        return Network(torch, module, names)


def _clean(content: Content) -> bytes:
    """Write the archive anew from what is audited; sample inputs and guards stay behind."""
    body = io.BytesIO()
    with ZipFile(content.place) as loose, ZipFile(body, "w") as tidy:
        for name in dict.fromkeys(loose.namelist()):
            if not _MEMBER.fullmatch(name):
                raise Unsafe(f"the archive has a member {name[:100]!r}, which no graph needs")
            member = loose.read(name)  # checks its checksum
            if name.endswith("/data/sample_inputs/model.pt"):
                member = b""
            elif name.endswith("_config.json"):
                member = _plain_tensors(member)
            elif name.endswith("/models/model.json"):
                member = json.dumps(audited_graph(json.loads(member))).encode()
            tidy.writestr(name, member)
    return body.getvalue()


def _plain_tensors(member: bytes) -> bytes:
    config = json.loads(member)
    for name, payload in config["config"].items():
        stored = str(payload.get("path_name", ""))
        if payload.get("use_pickle") or not re.fullmatch(r"(weight|tensor)_\d+", stored):
            raise Unsafe(f"the tensor {name[:60]!r} is stored as a pickle or an object")
    return json.dumps(config).encode()
