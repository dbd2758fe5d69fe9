"""Other tools that change several files, killed at their system calls."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture import strace
from tests.torture.tally import Tally

FILES = 3
_NAIVE = """\
import os, shutil, sys
for name in ("part0.py", "part1.py", "part2.py"):
    shutil.copyfile(name, name + ".bak")
    new = open(name).read().replace("value = ", "value = 10")
    if sys.argv[1] == "replace":
        with open(name + ".tmp", "w") as file:
            file.write(new)
        os.replace(name + ".tmp", name)
    else:
        with open(name, "w") as file:
            file.write(new)
"""
PYTHON_TOOLS = ("patch", "patch-ng", "pypatch", "patch-package", "patch-package-py")
_ABOUT = """\
import json, sys, sysconfig
from importlib.metadata import PackageNotFoundError, version
def of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None
print(json.dumps({
    "versions": {name: of(name) for name in sys.argv[1:]},
    "libraries": sysconfig.get_path("purelib"),
    "python": getattr(sys, "_base_executable", sys.executable),
    "folder": f"python{sys.version_info[0]}.{sys.version_info[1]}",
}))
"""


@dataclass(frozen=True)
class Rival:
    """Another way to change three files.

    Attributes:
        command: how people use it; None where it is not installed.
        folder: where it is run.
    """

    name: str
    command: list[str] | None
    folder: str = "tree"


class Rivals:
    """Every rival, in a tree that suits them all.

    Args:
        tools: the folder of commands of the environment the Python tools are installed in.
    """

    def __init__(self, box: Path, tools: Path | None = None) -> None:
        self.box = box
        self.tools = (tools or Path(sys.executable).parent).absolute()
        self.about: dict[str, Any] = json.loads(
            subprocess.run(
                [str(self.tools / "python"), "-c", _ABOUT, *PYTHON_TOOLS],
                capture_output=True, text=True, check=True,
            ).stdout
        )  # fmt: skip

    def all(self) -> list[Rival]:
        """Tools that change several files, as people use them."""
        python = str(self.tools / "python")
        gnu = ["patch", "-s", "-p1", "-i", "../change.diff"] if shutil.which("patch") else None
        # It patches the environment whose interpreter runs it.
        inside = ["env", f"PYTHONPATH={self.about['libraries']}", "../env/bin/python", "-c"]
        return [
            Rival("git apply", ["git", "apply", "../change.diff"]),
            Rival("git checkout -f", ["git", "checkout", "-q", "-f", "other"]),
            Rival("GNU patch", gnu),
            self._tool("patch", [python, "-m", "patch", "../change.diff"]),
            self._tool("patch-ng", [python, "-m", "patch_ng", "../change.diff"]),
            self._tool("pypatch", ["env", "PYTHONPATH=..", str(self.tools / "pypatch"), "apply",
                                   "../change.diff", "tree"]),
            self._tool("patch-package", [*inside, "from patch_package import cli; cli()"], "port"),
            self._tool("patch-package-py", [str(self.tools / "p12y"), "apply", "-e", "../env"],
                       "other-port"),
            Rival("backup, then os.replace", [sys.executable, "-c", _NAIVE, "replace"]),
            Rival("backup, then open('w')", [sys.executable, "-c", _NAIVE, "open"]),
        ]  # fmt: skip

    def _tool(self, name: str, command: list[str], folder: str = "tree") -> Rival:
        version = self.about["versions"][name]
        if version is None:
            return Rival(f"{name} (PyPI)", None)
        return Rival(f"{name} {version} (PyPI)", command, folder)

    def _template(self) -> Path:
        """A repository with three files, a branch and a diff that change them.

        Beside it what ports of patch-package ask for: an environment whose library is the tree,
        and folders with the diff under the names they look for.
        """
        place = self.box / "rival"
        tree = place / "tree"
        if tree.exists():
            return place
        (tree / "sample-1.dist-info").mkdir(parents=True)

        def git(*words: str) -> str:
            who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
            done = subprocess.run(
                ["git", *who, *words], cwd=tree, capture_output=True, text=True, check=True
            )
            return done.stdout

        git("init", "-q", "-b", "main")
        (tree / "__init__.py").write_text("")
        names = [f"part{number}.py" for number in range(FILES)]
        for number, name in enumerate(names):
            (tree / name).write_text(f"value = {number}\n" * 20)
        about = tree / "sample-1.dist-info"
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1\n")
        (about / "RECORD").write_text("".join(f"{name},,\n" for name in names))
        git("add", ".")
        git("commit", "-qm", "before")
        for number, name in enumerate(names):
            (tree / name).write_text(f"value = 10{number}\n" * 20)
        _write(place / "change.diff", git("diff"))
        _write(place / "port" / "patches" / "sample==1.patch", git("diff", "--no-prefix"))
        _write(place / "other-port" / "patches" / "sample+1.patch", git("diff"))
        git("checkout", "-q", "-b", "other")
        git("commit", "-qam", "after")
        git("checkout", "-q", "main")
        python = Path(self.about["python"])
        _write(place / "env" / "pyvenv.cfg", f"home = {python.parent}\n")
        (place / "env" / "bin").mkdir()
        (place / "env" / "bin" / "python").symlink_to(python)
        libraries = place / "env" / "lib" / self.about["folder"]
        libraries.mkdir(parents=True)
        (libraries / "site-packages").symlink_to("../../../tree")
        return place

    def kill(self, rival: Rival) -> tuple[Tally, int]:
        """Kill a rival at each of its calls; (trees torn, of these after a second run)."""
        tally = Tally()
        still = 0
        if rival.command is None:
            return tally, still
        template = self._template()
        place = self.box / "rival-run"
        tree, folder = place / "tree", place / rival.folder

        def fresh() -> None:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(template, place, symlinks=True)
            subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=tree, check=False)

        before = _parts(template / "tree")
        after = [f"value = 10{number}\n" * 20 for number in range(FILES)]
        fresh()
        points = strace.points(rival.command, folder, place)
        if _parts(tree) != after:
            raise RuntimeError(f"{rival.name} does not do what it is there for")
        for point in points:
            fresh()
            tally.tried += strace.kill(rival.command, folder, point)
            if _parts(tree) not in (before, after):
                tally.note([f"torn: {rival.name}"], str(point))
                subprocess.run(
                    rival.command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                    check=False,
                )  # fmt: skip
                still += _parts(tree) not in (before, after)
        return tally, still


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _parts(tree: Path) -> list[str | None]:
    texts: list[str | None] = []
    for number in range(FILES):
        path = tree / f"part{number}.py"
        texts.append(path.read_text() if path.exists() else None)
    return texts
