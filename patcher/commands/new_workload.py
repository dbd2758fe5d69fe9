"""`patcher new --workload` and `--adapter`: the files that say what of a package to run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.find_copy import copy_for
from patcher.errors import PatcherError
from patcher.patchfile.versions import members_of
from patcher.settings import load_settings

if TYPE_CHECKING:
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

WORKLOAD = '''"""What `patcher verify` runs of {target}; what `work` returns is compared."""

import {package}

# All of this file but the call of `work` is paid once a process and is never timed. So is what a
# function `setup()` does; what it returns is handed to `work` as its first argument.


def work():
    """Use what the patch changes; return what must stay the same."""
    raise NotImplementedError("call what the patch changes in {package}, and return its result")


# Several cases, each with arguments of its own:
#
#     cases = {{"short": {{"length": 10}}, "long": {{"length": 1000}}}}
#
# Inputs that no patch can know beforehand (a `random.Random` in, arguments by name out). Without
# it a cache of answers cannot be told from a speed-up:
#
#     def draw(rng):
#         return {{"length": rng.randrange(1, 1000)}}
'''

ADAPTER = '''"""How patcher runs {target}. What each member is for: docs/targets.md of patcher."""

import time
from dataclasses import dataclass

from patcher.targets.adapter import Assets, Matrix, Model, Produced, Session, Test
from patcher.worker.values import encode


@dataclass(frozen=True)
class Adapter:
    """The parent side: it names things, and never imports the package."""

    distribution: str = "{target}"
    packages: tuple = {packages}
    serving: str = "{name}:open_session"
    making: object = None

    def matrix(self, config):
        """Every model is run with every test."""
        return Matrix((Model("default"),), (Test("names"),))

    def assets(self, matrix, options, version):
        """Weights and other inputs: none."""
        return Assets("no weights", fingerprint="none")


adapter = Adapter()


def open_session(opening):
    """Called in a worker, on one arm's tree."""
    return PackageSession(opening)


class PackageSession(Session):
    """The worker side: one loaded model."""

    def __init__(self, opening):
        import {package}

        self.package = {package}

    def run(self, test, *, capture):
        """Run one test; everything in `returned` is compared."""
        started = time.perf_counter()
        value = sorted(vars(self.package))  # put here what the patch changes
        wall_s = time.perf_counter() - started
        return Produced(returned=encode(value), wall_s=wall_s)
'''


@dataclass(frozen=True)
class NewWorkload:
    """Files that were written.

    Attributes:
        file: the workload or the adapter; ``text`` is its content; ``made`` is False for one that
            was there already and is only named in the settings.
        settings: the settings file, which now has ``line``.
    """

    file: Path
    text: str
    settings: Path
    line: str
    made: bool = True

    def as_json(self) -> dict[str, Any]:
        """The object of ``patcher new --workload --json``."""
        return {
            "file": str(self.file),
            "text": self.text,
            "settings": str(self.settings),
            "line": self.line,
            "made": self.made,
        }


def new_workload(workspace: Workspace, name: str | None, target: str | None) -> NewWorkload:
    """Write ``NAME.py`` (``bench.py``) with a function to fill in, and name it in the settings.

    A file of that name that has a function ``work`` is kept as it is, and named.

    Raises:
        PatcherError: ``exists`` for another file of that name, or a setting that is there already.
    """
    copy = copy_for(workspace, [], target)
    stem = _stem(name or "bench", copy)
    text = WORKLOAD.format(target=copy.target, package=_module(copy))
    written = _own_workload(workspace.root / f"{stem}.py")
    return _write(workspace, copy, stem, text, f'call = "{stem}.py:work"', written)


def new_adapter(workspace: Workspace, name: str | None, target: str | None) -> NewWorkload:
    """Write ``NAME.py`` with an adapter that runs, and name it in the settings."""
    copy = copy_for(workspace, [], target)
    package = _module(copy)
    stem = _stem(name or f"{package.split('.', 1)[0]}_adapter", copy)
    packages = tuple(each.removesuffix(".py") for each in copy.packages)
    text = ADAPTER.format(target=copy.target, package=package, packages=packages, name=stem)
    return _write(workspace, copy, stem, text, f'adapter = "{stem}.py:adapter"')


def can_run(workspace: Workspace, copy: WorkingCopy) -> bool:
    """Whether the settings or an adapter say what to run."""
    from patcher.commands.shared.verify_request import adapter_of

    settings = load_settings(workspace.root).get("verify", {})
    return adapter_of(copy, settings) is not None


def _module(copy: WorkingCopy) -> str:
    """The package to import: the first that has no underscore in front of it."""
    names = [each.removesuffix(".py") for each in copy.packages]
    return next((each for each in names if not each.startswith("_")), names[0])


def _stem(name: str, copy: WorkingCopy) -> str:
    stem = name.removesuffix(".py")
    if not stem.isidentifier():
        raise PatcherError("usage", f"{name!r} is not a module's name", hint="use a-z, 0-9 and _")
    if stem in {each.removesuffix(".py") for each in copy.packages}:
        message = f"{stem} is the package itself"
        raise PatcherError("usage", message, hint="a file of that name would stand in for it")
    return stem


def _own_workload(path: Path) -> str | None:
    """The text of a file that has a function ``work``; None when there is none."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    return text if re.search(r"^def work\b|^work\b", text, re.MULTILINE) else None


def _write(
    workspace: Workspace,
    copy: WorkingCopy,
    stem: str,
    text: str,
    line: str,
    written: str | None = None,
) -> NewWorkload:
    """Write the file, unless it is ``written`` already, and the line in the settings."""
    path = workspace.root / f"{stem}.py"
    given = load_settings(workspace.root).get("verify", {})
    key = line.partition(" ")[0]
    if path.exists() and written is None:
        lacks = ", without a function `work`" if key == "call" else ""
        hint = "choose another name" + (", or give it that function" if lacks else "")
        raise PatcherError("exists", f"{path.name} is there already{lacks}", hint, str(path))
    if key in given:
        hint = "change it there, or take it out first"
        raise PatcherError("exists", f"the settings have a `{key}` already", hint=hint)
    settings, content = _settings(workspace.root, line, _named(copy))
    if written is None:
        path.write_text(text, encoding="utf-8")
    settings.write_text(content, encoding="utf-8")
    return NewWorkload(path, written or text, settings, line, made=written is None)


def _named(copy: WorkingCopy) -> str:
    """``target`` of the settings, as TOML: a name, or the list of them."""
    names = [name for name, _ in members_of(copy.target, copy.version)]
    return json.dumps(names if len(names) > 1 else names[0])


def _settings(root: Path, line: str, target: str) -> tuple[Path, str]:
    """The settings file with ``line`` in its table ``verify``."""
    path, heading = root / "patcher.toml", "[verify]"
    project = root / "pyproject.toml"
    if not path.is_file() and project.is_file():
        text = project.read_text(encoding="utf-8")
        if re.search(r"^\[tool\.patcher[.\]]", text, re.MULTILINE):
            path, heading = project, "[tool.patcher.verify]"
    if not path.is_file():
        return path, f"target = {target}\n\n{heading}\n{line}\n"
    text = path.read_text(encoding="utf-8")
    matched = re.search(r"^\[(tool\.patcher\.)?verify\][^\n]*$", text, re.MULTILINE)
    if matched:
        return path, f"{text[: matched.end()]}\n{line}{text[matched.end() :]}"
    return path, f"{text.rstrip()}\n\n{heading}\n{line}\n".lstrip()
