"""What importing the room costs, and what it says where its libraries are missing."""

import subprocess
import sys

HEAVY = {"polars", "skops", "sklearn", "onnxruntime", "onnx", "lightgbm", "xgboost", "torch"}
HEAVY |= {"pandas", "joblib", "mlflow", "scipy", "yaml"}


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_opening_models_loads_no_library_before_a_model_needs_it() -> None:
    loaded = python("import sys, trueup.models.artifact; print(*sys.modules)").split()
    assert not HEAVY & set(loaded)


def test_detecting_loads_none_either() -> None:
    code = "import sys; from trueup.models.detection import formats; formats(); print(*sys.modules)"
    assert not HEAVY & set(python(code).split())


def test_without_numpy_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from trueup.errors import WrongUsage\n"
        "try:\n    import trueup.models.artifact\n"
        "except WrongUsage as error:\n    print(error)\n"
    )
    assert "pip install 'trueup[models]'" in python(code)
