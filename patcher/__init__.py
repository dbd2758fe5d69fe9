"""patcher: try source-level optimisations on a Python package; keep what is proven to help.

The public face. Everything is imported when it is first used::

    import patcher

    workspace = patcher.Workspace(".")
    patcher.apply(workspace, ["inference_mode"])
    result = patcher.verify(workspace)
    print(result.verdict, result.restored)

Functions return frozen values (`patcher.results`), and raise `PatcherError` where the command
would end with an error.
"""

from types import ModuleType

__version__ = "0.1.0"

# No typing and no __future__: until `patcher.__main__` is there, nobody answers Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from patcher.api import apply, judge, plan, revert, scan, verify
    from patcher.commands.judge import JudgeOptions
    from patcher.errors import PatcherError
    from patcher.store.workspace import Workspace
    from patcher.verify.options import VerifyOptions

__all__ = [
    "JudgeOptions",
    "PatcherError",
    "VerifyOptions",
    "Workspace",
    "apply",
    "judge",
    "plan",
    "revert",
    "scan",
    "verify",
]

_HOMES = {
    "JudgeOptions": "patcher.commands.judge",
    "PatcherError": "patcher.errors",
    "VerifyOptions": "patcher.verify.options",
    "Workspace": "patcher.store.workspace",
}


class CallablePackage(ModuleType):
    """`patcher.verify` is a function of the public face and a package: Python binds the package
    to that name as soon as anything imports it, so that one is made callable.
    """

    def __call__(self, *arguments: "Any", **named: "Any") -> "Any":
        from importlib import import_module

        function = getattr(import_module("patcher.api"), self.__name__.rpartition(".")[2])
        return function(*arguments, **named)


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'patcher' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES.get(name, "patcher.api")), name)
    globals()[name] = value
    return value


def __dir__() -> "list[str]":  # an older Python imports this too
    return sorted([*globals(), *__all__])
