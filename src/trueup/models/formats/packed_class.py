"""A Python class with load and predict, its code packed with it; safetensors with a named class."""

import os
import struct
from typing import Any

import msgspec

from trueup.models.libraries import library
from trueup.models.outputs import Outputs, named
from trueup.models.packing import SIDECAR, Packed, Sidecar, alive, read_sidecar, write
from trueup.models.port import Loaded, ModelDamaged, ModelRefused, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.tables import Table
from trueup.models.torch_tensors import Network

WEIGHTS = "model.safetensors"


class PackedClass:
    """A folder that `packing.pack` or `pack_weights` wrote."""

    name = "Python class"

    def detects(self, content: Content) -> bool:
        """Look for the sidecar."""
        return content.folder and SIDECAR in content.members

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Run the packed code if the consumer allows this class by name; first check its files."""
        sidecar = read_sidecar(content.place)
        if sidecar.entry not in trust.code:
            raise ModelRefused(
                f"it brings Python code to run, the class {sidecar.entry!r}; nothing was run",
                remedy="If you trust whoever made it, allow the class in your own trueup.yaml: "
                f"models.{trust.model}.trust.code: ['{sidecar.entry}']",
                place=os.fspath(content.place),
            )
        made = guarded(lambda: alive(sidecar.entry, content.place), content, self.name)
        if sidecar.kind == "safetensors":
            return _network(made, sidecar, content)
        model = guarded(lambda: made.load(content.place), content, self.name)
        return OwnClass(model, sidecar.inputs)


class Weights:
    """A lone safetensors file, which says nothing of the network that it belongs to."""

    name = "safetensors"

    def detects(self, content: Content) -> bool:
        """Look for a length and a JSON header."""
        opening = content.opening
        return len(opening) > 9 and opening[8:9] == b"{" and _header(opening) < 100_000_000

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Refuse it and say what to do."""
        raise ModelRefused(
            "safetensors holds weights alone, and says nothing of the network they belong to",
            remedy="Pack them with the class: trueup.models.formats.packed_class.pack_weights",
            place=os.fspath(content.place),
        )


class OwnClass:
    """An instance of the project's own class; it is given a dict of numpy arrays."""

    numbers_only = False

    def __init__(self, model: Any, inputs: tuple[str, ...]) -> None:
        self._model = model
        self.inputs = inputs

    def predict(self, table: Table) -> Outputs:
        """Return what the class answers: an array, a dict of arrays, or a frame."""
        return named(self._model.predict(table.columns()))


def pack_weights(packed: Packed, into: Any, arguments: dict[str, Any] | None = None) -> None:
    """Write a folder of weights and the class of their network; ``files`` has model.safetensors.

    The class is made with the arguments, and loads the weights strictly.
    """
    msgspec.json.encode(arguments or {})  # what is not JSON cannot be kept
    write(
        packed,
        into,
        Sidecar("safetensors", packed.entry, {}, arguments or {}, packed.inputs),
    )


def _network(made: Any, sidecar: Sidecar, content: Content) -> Network:
    torch = library("torch", "torch", extra=False)
    files = library("safetensors.torch", "safetensors", extra=False)
    if not (isinstance(made, type) and issubclass(made, torch.nn.Module)):
        raise ModelRefused(
            f"{sidecar.entry!r} is no torch.nn.Module",
            remedy="Name the class of the network",
            place=os.fspath(content.place),
        )
    module: Any = guarded(lambda: made(**sidecar.arguments), content, "safetensors")
    weights = guarded(lambda: files.load_file(content.place / WEIGHTS), content, "safetensors")
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ModelDamaged(
            f"the weights do not fit {sidecar.entry!r}: {str(error)[:200]}",
            remedy="Pack the weights with the class and the arguments that they were trained with",
            place=os.fspath(content.place),
        ) from error
    module.eval()
    return Network(torch, module, sidecar.inputs if len(sidecar.inputs) > 1 else ())


def _header(opening: bytes) -> int:
    return int(struct.unpack("<Q", opening[:8])[0])
