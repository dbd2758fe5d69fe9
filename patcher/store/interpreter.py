"""The interpreter a target is installed for: this one, or the one that ``python`` names.

Another interpreter is asked by a script on its command line; nothing of patcher's is installed
there, and its version may be another one (3.8 and later).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OLDEST = (3, 8)
TIMEOUT_S = 60

ABOUT = """
import json, platform, sys
from importlib import metadata
names = {}
for distribution in metadata.distributions():
    name = distribution.metadata["Name"]
    if name and name not in names:
        names[name] = distribution.version
print(json.dumps({"version": list(sys.version_info[:3]), "prefix": sys.prefix, "names": names}))
"""

FILES = """
import json, sys
from importlib import metadata
try:
    dist = metadata.distribution(sys.argv[1])
except (metadata.PackageNotFoundError, ValueError):
    print("null")
else:
    print(json.dumps({
        "name": dist.metadata["Name"], "version": dist.version,
        "direct_url": dist.read_text("direct_url.json"),
        "files": [[str(item), str(dist.locate_file(item))] for item in dist.files or ()],
    }))
"""


OWNERS = """
import json, sys
from importlib import metadata
owners = set()
for distribution in metadata.distributions():
    tops = {str(item).replace("\\\\", "/").split("/")[0] for item in distribution.files or ()}
    if {sys.argv[1], sys.argv[1] + ".py"} & tops and distribution.metadata["Name"]:
        owners.add(distribution.metadata["Name"])
print(json.dumps(sorted(owners)))
"""


@dataclass(frozen=True)
class Installed:
    """A distribution as an interpreter has it: files by path in RECORD, with their places."""

    name: str
    version: str
    direct_url: str | None
    files: tuple[tuple[str, str], ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Installed:
        """What the script `FILES` prints."""
        files = tuple((PurePosixPath(path).as_posix(), place) for path, place in values["files"])
        return cls(values["name"], values["version"], values["direct_url"], files)


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter says of itself.

    Attributes:
        path: to start it by; links are kept, since a virtual environment is known by its link.
        version: major, minor, micro.
        installed: version by name of every distribution it has.
    """

    path: str
    version: tuple[int, int, int]
    prefix: str
    installed: Mapping[str, str]

    @property
    def text(self) -> str:
        """``3.11.4``"""
        return ".".join(map(str, self.version))

    def has(self, name: str) -> str | None:
        """The version of a distribution, or None."""
        from patcher.patchfile.versions import normalise

        asked = normalise(name)
        return next(
            (version for each, version in self.installed.items() if normalise(each) == asked), None
        )


def configured(root: Path) -> str:
    """The interpreter of a workspace: ``python`` of its settings, or this one.

    It may be a path, absolute or from the workspace, a folder of an environment (virtual or
    conda), or a command on the path.

    Raises:
        PatcherError: ``config`` when there is none.
    """
    from patcher.settings import load_settings

    named = os.environ.get("PATCHER_PYTHON") or load_settings(root).get("python")
    return sys.executable if named is None else find(str(named), root)


def version_of(python: str) -> tuple[int, int]:
    """Major and minor version of an interpreter; the one that runs patcher need not be asked.

    Raises:
        PatcherError: as `about`.
    """
    if os.path.realpath(python) == os.path.realpath(sys.executable):
        return sys.version_info[:2]
    return about(python).version[:2]


def find(named: str, root: Path) -> str:
    """See `configured`."""
    import shutil

    path = os.path.abspath(root / os.path.expanduser(named))  # without ``..``, with its links
    if os.path.isdir(path):
        for place in ("bin/python", "bin/python3", "Scripts/python.exe"):
            if os.path.isfile(result := os.path.join(path, place)):
                return result
    elif os.path.isfile(path):
        return path
    elif os.sep not in named and (command := shutil.which(named)):
        return command
    raise PatcherError(
        "config",
        f"python = {json.dumps(named)}: there is no such interpreter",
        hint="name the interpreter the target is installed for, or its environment's folder",
        where=path,
    )


@lru_cache(maxsize=4)
def about(python: str) -> Interpreter:
    """What an interpreter says of itself.

    Raises:
        PatcherError: ``environment`` when it does not answer, or is older than `OLDEST`.
    """
    answer = ask(python, ABOUT)
    major, minor, micro = answer["version"]
    if (major, minor) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise PatcherError(
            "environment",
            f"{python} is Python {major}.{minor}; targets run on {oldest} and later",
        )
    return Interpreter(python, (major, minor, micro), answer["prefix"], answer["names"])


def files_of(python: str, distribution: str) -> Installed | None:
    """A distribution as another interpreter has it; None when it is not there."""
    values = ask(python, FILES, distribution)
    return None if values is None else Installed.from_json(values)


def owner_of(python: str, package: str) -> str | None:
    """The distribution that holds a top-level package, or else one of nearly that name."""
    from difflib import get_close_matches

    owners: list[str] = ask(python, OWNERS, package.replace("-", "_"))
    if owners:
        return owners[0]
    installed = {name.lower(): name for name in about(python).installed}
    close = get_close_matches(package.lower(), installed, 1, 0.75)
    return installed[close[0]] if close else None


def ask(python: str, script: str, *arguments: str) -> Any:
    """The JSON value that a script prints in another interpreter."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", script, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
        )
        return json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = str(error)
    raise PatcherError("environment", f"{python} does not answer: {why}")
