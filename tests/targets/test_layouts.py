"""Packages as they come: namespaces with siblings, editable and src layouts, C beside Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner

PATCH = """\
patch: use_sum
summary: One call of sum.
target: {name}
equivalence: bitwise
edits:
  - file: {file}
    within: total
    body: |
      return sum(numbers){wrong}
"""
LOOP = (
    "def total(numbers):\n    found = 0\n    for number in numbers:\n        found += number\n"
    "    return found\n"
)


def workspace(folder: Path, name: str, file: str, bench: str) -> Patcher:
    """A workspace with a good and a wrong patch and a workload."""
    place = folder / "workspace"
    (place / "patches").mkdir(parents=True)
    text = PATCH.format(name=name, file=file, wrong="")
    (place / "patches" / "use_sum.yaml").write_text(text)
    wrong = PATCH.format(name=name, file=file, wrong=" + 1").replace("use_sum", "off_by_one")
    (place / "patches" / "off_by_one.yaml").write_text(wrong)
    (place / "bench.py").write_text(bench)
    (place / "patcher.toml").write_text(f'target = "{name}"\n[verify]\ncall = "bench.py:work"\n')
    return runner(place)


def project(folder: Path, files: dict[str, str], name: str) -> Path:
    place = folder / "project"
    files = {"pyproject.toml": f'[project]\nname = "{name}"\nversion = "1.0"\n', **files}
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    return place


def judged(patcher: Patcher, name: str) -> str:
    """The verdict on a patch of the workspace."""
    ran = patcher("verify", name, "--json")
    assert ran.status in (0, 1), ran.stdout
    return str(ran.json["verdict"])


def test_the_siblings_of_a_namespace_package_import_from_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    for path, text in {"core/__init__.py": "STEP = 1\n", "thing/__init__.py": "OLD = 1\n"}.items():
        (site / "spacious" / path).parent.mkdir(parents=True)
        (site / "spacious" / path).write_text(text)
    source = f"from spacious.core import STEP\n\n\n{LOOP}"
    made = project(tmp_path, {"src/spacious/thing/__init__.py": source}, "spacious-thing")
    patcher = workspace(
        tmp_path,
        "spacious-thing",
        "spacious/thing/__init__.py",
        "import spacious.core, spacious.thing\n\ndef work():\n"
        "    return spacious.thing.total([spacious.core.STEP, 2])\n",
    )
    settings = Path(tmp_path / "workspace" / "patcher.toml")
    settings.write_text(settings.read_text() + f'readable = ["{site}"]\n')
    monkeypatch.setenv("PYTHONPATH", str(site))
    assert patcher("init", str(made)).status == 0
    assert judged(patcher, "use_sum") == "pass"
    assert judged(patcher, "off_by_one") == "fail"


@pytest.mark.slow
def test_an_editable_installation_with_a_src_folder_is_read_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(tmp_path, {"src/edited/__init__.py": LOOP}, "edited")
    info = tmp_path / "site" / "edited-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edited\nVersion: 1.0\n")
    (info / "RECORD").write_text("")
    url = {"url": made.as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(url))
    (tmp_path / "site" / "edited.pth").write_text(f"{made / 'src'}\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}")
    bench = "import edited\n\ndef work():\n    return edited.total([1, 2]), edited.__file__[-19:]\n"
    patcher = workspace(tmp_path, "edited", "edited/__init__.py", bench)
    monkeypatch.syspath_prepend(tmp_path / "site")
    made_copy = patcher("init", "edited", "--json")
    assert made_copy.json["origin"].endswith(str(made))
    assert judged(patcher, "use_sum") == "pass"
    assert judged(patcher, "off_by_one") == "fail"
    assert (made / "src" / "edited" / "__init__.py").read_text() == LOOP


EXTENSION = """\
#include <Python.h>
static PyObject *twice(PyObject *self, PyObject *number) { return PyNumber_Add(number, number); }
static PyMethodDef methods[] = {{"twice", twice, METH_O, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", "", -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""


def test_a_compiled_extension_beside_the_python_comes_along(tmp_path: Path) -> None:
    headers = Path(sysconfig.get_paths()["include"])
    if shutil.which("cc") is None or not (headers / "Python.h").is_file():
        pytest.skip("there is no C compiler with Python's headers")
    source = f"from mixed.fast import twice\n\n\n{LOOP}"
    made = project(tmp_path, {"mixed/__init__.py": source, "mixed/fast.c": EXTENSION}, "mixed")
    built = made / "mixed" / f"fast{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-I{headers}", "-o", str(built), str(made / "mixed/fast.c")],
        check=True,
    )
    bench = (
        "import mixed.fast\n\ndef work():\n    where = mixed.fast.__file__.count('frozen')\n"
        "    return mixed.twice(mixed.total([1, 2])), where\n"
    )
    patcher = workspace(tmp_path, "mixed", "mixed/__init__.py", bench)
    assert patcher("init", str(made)).status == 0
    assert judged(patcher, "use_sum") == "pass"
    assert judged(patcher, "off_by_one") == "fail"


def test_the_tree_of_a_command_is_compiled_before_it_is_measured(tmp_path: Path) -> None:
    """No import of the target compiles while a command is timed, and patched code is what runs."""
    made = project(tmp_path, {"adder/__init__.py": LOOP, "adder/broken.py": "def ("}, "adder")
    patcher = workspace(tmp_path, "adder", "adder/__init__.py", "")
    code = (
        "import adder, os; print(adder.total([1, 2])); "
        "assert os.path.isfile(adder.__cached__), 'it had to compile'"
    )
    (tmp_path / "workspace" / "patcher.toml").write_text(
        'target = "adder"\n[verify]\noutputs = ["stdout"]\n'
        f"command = {json.dumps(['python', '-c', code])}\n"
    )
    assert patcher("init", str(made)).status == 0
    wrong = patcher("verify", "off_by_one", "--json")
    assert wrong.json["cases"][0]["error"] == "stdout is '4\\n', on the baseline '3\\n'"
    kept = [*(tmp_path / "workspace" / ".patcher" / "adder" / "runs" / "bytecode").iterdir()]
    assert len(kept) == 2  # of pristine and of the patched file
    assert all(path.name.startswith(f"{sys.implementation.cache_tag}-") for path in kept)
