"""Which calls read and write files, by the names that Python's libraries give them."""

import re

_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}(\.(gz|bz2|xz|zst|zip))?$")

# keyword: the path, in the calls that take it by name
KEYWORDS = (
    *("path", "filepath", "filepath_or_buffer", "path_or_buf", "path_or_buffer", "io", "source"),
    *("file", "filename", "fname", "fp", "f", "excel_writer", "model_file", "where", "dst"),
)
READS = frozenset(
    {
        *("loadtxt", "genfromtxt", "fromfile", "memmap", "load_model", "load_from_disk", "imread"),
        *("InferenceSession", "load_svmlight_file", "load_npz", "load_weights", "ParquetFile"),
        *("ZipFile", "getmembers", "load_state_dict_from_file", "from_file"),
    }
)
_NOT_READS = frozenset({"read_sql", "read_sql_query", "read_sql_table", "read_clipboard"})
_NOT_READS |= frozenset({"read_gbq", "read_database", "read_database_uri", "read_only"})
# these take any text as the path, with a suffix or not
WRITES = frozenset(
    {
        *("to_csv", "to_parquet", "to_json", "to_excel", "to_feather", "to_pickle", "to_hdf"),
        *("to_orc", "to_stata", "to_latex", "to_markdown", "to_html", "to_xml", "to_file"),
        *("write_csv", "write_parquet", "write_json", "write_ndjson", "write_ipc", "write_excel"),
        *("write_table", "write_dataset", "write_image", "write_html", "write_feather"),
        *("sink_csv", "sink_parquet", "sink_ipc", "sink_ndjson", "savefig", "imwrite", "imsave"),
        *("save", "savez", "savez_compressed", "savetxt", "save_npz", "save_model", "save_file"),
        *("save_pretrained", "save_to_disk", "save_weights", "dump_svmlight_file", "urlretrieve"),
    }
)
_WRITE_STARTS = ("to_", "write_", "save_", "sink_", "export_", "dump_")
_SERVERS = frozenset(
    {"streamlit", "flask", "fastapi", "gradio", "dash", "uvicorn", "bentoml", "litestar"}
)
_LOADERS = frozenset(
    {"safe_load", "full_load", "load", "loads", "unsafe_load", "params_show", "load_dotenv"}
)
_SETTINGS = re.compile(
    r"(^|/)(params|parameters|hyperparameters|hparams|config|conf|settings)\.(ya?ml|json|toml)$"
)


def looks_like_path(text: str) -> bool:
    """Tell whether a text is more likely a path than a word."""
    return "\n" not in text and bool(_SUFFIX.search(text) or "/" in text)


def is_settings(path: str) -> bool:
    """Tell whether a file holds parameters, by its name."""
    return bool(_SETTINGS.search(path))


def is_reader(last: str) -> bool:
    """Tell whether a call of this name reads the file it is given."""
    return last in READS or (last.startswith(("read_", "scan_")) and last not in _NOT_READS)


def is_writer(last: str) -> bool:
    """Tell whether a call of this name writes the file it is given."""
    return last in WRITES or last.startswith(_WRITE_STARTS)


def is_loader(name: str) -> bool:
    """Tell whether a call turns a parameter file into values."""
    return name.rpartition(".")[2] in _LOADERS


def is_server(module: str) -> bool:
    """Tell whether a program that imports this module stays up rather than ends."""
    return module.partition(".")[0] in _SERVERS


def written_name(last: str, path: str) -> str:
    """Return the name that a call really writes: NumPy adds its suffix."""
    suffix = {"save": ".npy", "savez": ".npz", "savez_compressed": ".npz"}.get(last, "")
    return path if path.endswith(suffix) else f"{path}{suffix}"
