"""Executes a notebook in place: NOTEBOOK FOLDER NAME KERNEL; without KERNEL by this very Python.

Started by path with the Python of the user's project, so it imports nothing of trueup; it needs
nbclient and ipykernel there. What the cells print is printed while they run, and the notebook is
written with its outputs even where a cell fails.
"""

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_NEEDED = ("nbclient", "nbformat", "jupyter_client")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NO_PROGRAM, _INTERRUPTED = 127, 130


def main(notebook: str, folder: str, name: str, kernel: str) -> int:
    """Execute the notebook; return 0 if every cell ended well, 127 if a package is missing."""
    _forget_own_folder()
    needed = [*_NEEDED, *([] if kernel else ["ipykernel"])]
    if missing := _missing(needed):
        print(f"error: executing {name} needs {', '.join(missing)}, which {sys.executable} lacks")
        print("  Add to the project's environment: python -m pip install nbclient ipykernel")
        return _NO_PROGRAM
    nbformat: Any = import_module("nbformat")
    exceptions: Any = import_module("nbclient.exceptions")
    path = Path(notebook)
    tree = nbformat.read(path, as_version=4)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # else each kernel begins with a warning
    sockets = TemporaryDirectory(prefix="trueup-")
    client = _client(tree, folder, kernel, sockets.name)
    try:
        client.execute()
    except exceptions.CellExecutionError as error:
        print(f"error: a cell of {name} failed: {error.ename}: {error.evalue}")
        return 1
    except Exception as error:
        if hasattr(client, "_async_cleanup_kernel_future"):  # a signal came; nbclient has ended it
            return _INTERRUPTED
        if not isinstance(error, exceptions.DeadKernelError):
            raise
        print(f"error: the kernel of {name} ended before its cell did; was it out of memory?")
        return 1
    finally:
        sockets.cleanup()
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        nbformat.write(tree, fresh)
        fresh.replace(path)
    return 0


def _client(tree: Any, folder: str, kernel: str, sockets: str) -> Any:
    """Return nbclient's client, which shows what cells print while they run."""
    nbclient: Any = import_module("nbclient")
    client = nbclient.NotebookClient(
        tree,
        timeout=None,  # the stage's own timeout: ends it all
        resources={"metadata": {"path": folder}},
    )
    manager = _manager(kernel, sockets)
    client.create_kernel_manager = lambda: manager
    keep = client.output

    def shown(outs: Any, message: Any, display_id: Any, cell_index: Any) -> Any:
        _show(message)
        return keep(outs, message, display_id, cell_index)

    client.output = shown
    return client


def _manager(kernel: str, sockets: str) -> Any:
    """Return what starts the kernel: this interpreter's own, whatever kernels the user has."""
    jupyter_client: Any = import_module("jupyter_client")
    kernelspec: Any = import_module("jupyter_client.kernelspec")
    own: dict[str, Any] = {} if kernel else {"kernel_dirs": [], "ensure_native_kernel": True}
    return jupyter_client.AsyncKernelManager(
        kernel_name=kernel or "python3",
        kernel_spec_manager=kernelspec.KernelSpecManager(**own),
        transport="ipc",  # files that only this user may open; TCP ports are open to all here
        connection_file=os.path.join(sockets, "kernel.json"),  # noqa: PTH118 - Jupyter wants text
    )


def _show(message: Any) -> None:
    kind, content = message["msg_type"], message["content"]
    text = ""
    if kind == "stream":
        text = content["text"]
    elif kind in ("execute_result", "display_data"):
        text = str(content["data"].get("text/plain", "")) + "\n"
    elif kind == "error":
        text = _COLOURS.sub("", "\n".join(content["traceback"])) + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()


def _missing(names: "list[str]") -> "list[str]":
    from importlib.util import find_spec

    return [name for name in names if find_spec(name) is None]


def _forget_own_folder() -> None:
    """Take this file's folder from the places that Python imports from."""
    own = os.path.realpath(os.path.dirname(__file__))  # noqa: PTH120 - as sys.path writes it
    sys.path[:] = [place for place in sys.path if os.path.realpath(place or ".") != own]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
