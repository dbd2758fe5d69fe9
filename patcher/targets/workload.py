"""A package without an adapter of its own, run as ``[verify]`` in the settings says.

| key | what is run | what is compared |
|---|---|---|
| ``call = "bench.py:work"`` | a function, or a list of them | what it returns |
| ``command = [...]`` | a command | its exit status, and the files and streams of ``outputs`` |
| ``tests = [...]`` | a test suite run by pytest | the outcome of every test |

This is the parent side: it reads the workload's source and never runs it. The worker side is
`patcher.worker.workloads`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.settings import place_of
from patcher.targets.adapter import Assets, Matrix, Model, Options, Test

if TYPE_CHECKING:
    import ast
    import random
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class OwnRule:
    """The user's own comparison of two returned values.

    Attributes:
        function: ``FILE.py:FUNCTION`` or ``MODULE:FUNCTION``.
        root: the folder that files are relative to.
        modules: files and modules of the workload: they define the classes of its values.
    """

    function: str
    root: Path
    modules: tuple[str, ...]


@dataclass(frozen=True)
class Takes:
    """What a function takes: the line of its ``def``, and how many positional arguments."""

    line: int
    least: int
    most: float


@dataclass(frozen=True)
class WorkloadSource:
    """What can be read of a workload's file without running it.

    Attributes:
        functions: its top-level functions, in order: what each takes, by name.
        cases: arguments by case, by the function they are for (an empty name: for all of them).
        drawn: functions that draw their inputs.
        sha256: of its bytes.
    """

    functions: Mapping[str, Takes]
    cases: Mapping[str, Mapping[str, Any]]
    drawn: frozenset[str]
    sha256: str


@dataclass(frozen=True)
class WorkloadAdapter:
    """The parent side.

    Attributes:
        root: the workspace; files of the settings are relative to it.
        config: the settings' table ``verify``.
    """

    distribution: str
    packages: tuple[str, ...]
    root: Path
    config: Mapping[str, Any]
    serving: str = "patcher.worker.workloads:open_session"
    making: str | None = None

    @property
    def fresh_process(self) -> bool:
        """There are only commands and suites, and those run in processes of their own."""
        return not self.config.get("call")

    def lives_on(self, test: Test) -> bool:
        """A function is called in the worker's own process, where one call may spoil the next."""
        return test.options.get("kind") == "call"

    def refused(self, model: Model) -> Test | None:
        """A call whose first argument is of no use: the call after it must not suffer."""
        calls = _strings(self.config, "call")
        for test in (test for reference in calls for test in self._calls(reference)):
            if "draw" in test.options or test.options.get("arguments"):
                options = {**test.options, "unusable": True}
                return Test(f"{test.name}, unusable argument", options, seed=test.seed)
        return None

    @property
    def lines_elsewhere(self) -> bool:
        """Some of the package's lines run in processes where nobody follows them."""
        return bool(self.config.get("command") or self.config.get("tests"))

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        """One model, the package; a test for each function and case, the command, the suite."""
        calls = _strings(self.config, "call")
        tests = [test for reference in calls for test in self._calls(reference)]
        if self.config.get("command"):
            tests.append(self._command())
        if self.config.get("tests"):
            tests.append(self._suite())
        self._check_own_rule()
        # A package that only processes of their own import is not seen to be imported.
        options = {"calls": list(calls), "imports": bool(calls)}
        return Matrix((Model(self.distribution, options),), tuple(tests))

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        """The workload's own files: with a change in them it is another workload."""
        hashes = {
            reference: self._source(reference).sha256
            for reference in (*_strings(self.config, "call"), *_strings(self.config, "compare"))
            if is_file(reference)
        }
        text = json.dumps([hashes, dict(self.config)], sort_keys=True, default=str)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        return Assets(
            "none",
            fingerprint=fingerprint,
            values={"root": str(self.root), "packages": self.packages},
        )

    def draw(self, rng: random.Random, model: Model, count: int, full: bool) -> tuple[Test, ...]:
        """Inputs that nobody could know: a seed for ``draw(rng)`` of the workload's file."""
        drawing = [
            reference
            for reference in _strings(self.config, "call")
            if is_file(reference) and reference.rpartition(":")[2] in self._source(reference).drawn
        ]
        result = []
        for number in range(count if drawing else 0):
            reference = drawing[number % len(drawing)]
            seed = rng.getrandbits(64)
            options = {"call": reference, "draw": seed, "kind": "call"}
            result.append(Test(f"{reference.rpartition(':')[2]} drawn {number + 1}", options))
        return (*result, *self._with_defaults(drawing if count else ()))

    def _with_defaults(self, drawing: Sequence[str]) -> Iterator[Test]:
        """A call of each function whose inputs are drawn and that has defaults for them."""
        for reference in drawing:
            name, source = reference.rpartition(":")[2], self._source(reference)
            prepared = bool({"setup", f"setup_{name}"} & {*source.functions} - {name})
            takes = source.functions[name]
            if takes.least <= prepared < takes.most and not source.cases.get(name):
                options = {"call": reference, "arguments": {}, "kind": "call"}
                yield Test(f"{name} with its defaults", options)

    @property
    def own_rule(self) -> OwnRule | None:
        """``compare`` of the settings; None where values are compared by their types."""
        function = str(self.config.get("compare") or "")
        if not function:
            return None
        places = (each.rpartition(":")[0] for each in _strings(self.config, "call"))
        return OwnRule(function, self.root, tuple(dict.fromkeys(places)))

    def _check_own_rule(self) -> None:
        """Refuse a ``compare`` that could never be asked."""
        if (rule := self.own_rule) is None:
            return
        name = self._function("compare", rule.function, "same")
        if is_file(rule.function):
            source = self._source(rule.function, "compare")
            if name not in source.functions:
                raise self._no_function("compare", rule.function, f"def {name}(baseline, patched):")
            self._check_takes(rule.function, name, 2, f"def {name}(baseline, patched):")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know of a workload before trusting a verdict by it."""
        result = []
        if (rule := self.own_rule) is not None:
            result.append(f"values that differ were judged by {rule.function}, the workload's own")
        if _strings(self.config, "call") and not self.draws:
            result.append(
                "the inputs are always the same (no `draw(rng)` in the workload): a cache of "
                "answers cannot be told from a speed-up"
            )
        return tuple(result)

    @property
    def draws(self) -> bool:
        """Whether inputs can be drawn for every function that is called."""
        calls = _strings(self.config, "call")
        return bool(calls) and all(
            is_file(each) and each.rpartition(":")[2] in self._source(each).drawn for each in calls
        )

    def _calls(self, reference: str) -> list[Test]:
        name = self._function("call", reference, "work")
        cases: Mapping[str, Any] = {}
        drawn = False
        if is_file(reference):
            source = self._source(reference)
            if name not in source.functions:
                raise self._no_function("call", reference, f"def {name}():")
            self._check_helpers(reference, name, source)
            cases = source.cases.get(name, source.cases.get("", {}))
            drawn = name in source.drawn
        cases = {**cases, **self.config.get("cases", {})}
        several = len(_strings(self.config, "call")) > 1
        label = reference if several and self._ambiguous(name) else name
        if not cases and drawn:  # it may need the arguments that only `draw` makes
            return [Test(label, {"kind": "call", "call": reference, "draw": 0})]
        if not cases:
            return [Test(label, {"kind": "call", "call": reference, "arguments": {}})]
        return [
            Test(f"{label}[{case}]", {"kind": "call", "call": reference, "arguments": arguments})
            for case, arguments in cases.items()
        ]

    def _function(self, key: str, reference: str, example: str) -> str:
        """The name of the function that ``FILE.py:FUNCTION`` or ``MODULE:FUNCTION`` refers to."""
        file, _, name = reference.rpartition(":")
        if not file or not name.isidentifier():
            raise PatcherError(
                "config",
                f"{key} = {json.dumps(reference)}: it is FILE.py:FUNCTION or MODULE:FUNCTION",
                hint=f'for example {key} = "bench.py:{example}"',
                where=place_of(self.root, key),
            )
        return name

    def _no_function(self, key: str, reference: str, line: str) -> PatcherError:
        """With the line as it should be: of the settings, or else of the file."""
        file, _, name = reference.rpartition(":")
        close = get_close_matches(name, self._source(reference).functions, 1, 0.6)
        hint = f"add to {file}: {line}"
        if close:
            hint = f'write: {key} = "{file}:{close[0]}"'
        message = f"{file} has no function {name!r}"
        return PatcherError("config", message, hint=hint, where=place_of(self.root, key))

    def _check_helpers(self, reference: str, name: str, source: WorkloadSource) -> None:
        """Refuse a ``draw`` or ``setup`` that cannot be called as it will be."""
        for helper, count, arguments in (("draw", 1, "rng"), ("setup", 0, "")):
            own = f"{helper}_{name}"
            result = own if own in source.functions else helper
            if result in source.functions and result != name:
                self._check_takes(reference, result, count, f"def {result}({arguments}):")
        setup = {"setup", f"setup_{name}"} & set(source.functions)
        if setup and name not in setup and source.functions[name].most < 1:
            line = f"def {name}(prepared):"
            why = f"{name} is given what {min(setup)} returns, and takes nothing"
            raise self._wrong_line(reference, name, why, line)

    def _check_takes(self, reference: str, name: str, count: int, line: str) -> None:
        takes = self._source(reference).functions[name]
        if takes.least <= count <= takes.most:
            return
        bound = f"at most {takes.most:g}" if count > takes.most else f"at least {takes.least}"
        why = f"{name} is given {count} argument{'' if count == 1 else 's'} and takes {bound}"
        raise self._wrong_line(reference, name, why, line)

    def _wrong_line(self, reference: str, name: str, why: str, line: str) -> PatcherError:
        number = self._source(reference).functions[name].line
        where = f"{self.root / reference.rpartition(':')[0]}:{number}"
        return PatcherError("config", why, where=where, hint=f"write: {line}")

    def _ambiguous(self, name: str) -> bool:
        names = [each.rpartition(":")[2] for each in _strings(self.config, "call")]
        return names.count(name) > 1

    def _command(self) -> Test:
        command = [str(word) for word in self.config["command"]]
        options = {
            "kind": "command",
            "command": command,
            "outputs": [str(each) for each in self.config.get("outputs", ())],
            "filter": _patterns(self.config),
        }
        return Test(" ".join(command), options)

    def _suite(self) -> Test:
        command = [str(word) for word in self.config["tests"]]
        if not any(Path(word).name in ("pytest", "py.test") for word in command[:3]):
            raise PatcherError(
                "config",
                f"tests = {json.dumps(command)} is not a pytest command",
                hint="any other runner is judged by its exit status: command = "
                f"{json.dumps(command)}",
            )
        options = {"kind": "tests", "command": command}
        return Test(" ".join(command), options)

    def _source(self, reference: str, key: str = "call") -> WorkloadSource:
        return read_source(self.root, reference, place_of(self.root, key))


def is_file(reference: str) -> bool:
    """``bench.py:work`` names a file, ``package.bench:work`` a module."""
    return reference.rpartition(":")[0].endswith(".py")


def read_source(root: Path, reference: str, named: str = "") -> WorkloadSource:
    """Read a workload's file; nothing of it is run.

    Args:
        named: where the settings name it.

    Raises:
        PatcherError: ``config`` when there is no such file, or it is not Python.
    """
    import ast

    path = root / reference.rpartition(":")[0]
    try:
        data = path.read_bytes()
        module = ast.parse(data, str(path))
    except OSError:
        place = reference.rpartition(":")[0]
        hint = (
            f"no file {path}; files are relative to the settings'; `patcher new --workload` "
            "writes bench.py"
        )
        result = sorted(each.name for each in root.glob("*.py"))
        if close := get_close_matches(place, result, 1, 0.6):
            hint = f"did you mean {close[0]}:{reference.rpartition(':')[2]}?"
        where = named or str(path)
        raise PatcherError("config", f"there is no {place}", where=where, hint=hint) from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        raise PatcherError("config", f"{path.name} is not Python: {error}", where=where) from None
    functions: dict[str, Takes] = {}
    cases: dict[str, Mapping[str, Any]] = {}
    for statement in module.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions[statement.name] = _takes(statement)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            if name == "cases" or name.startswith("cases_"):
                cases[name.removeprefix("cases").removeprefix("_")] = _literal(statement, path)
    drawn = frozenset(
        name for name in functions if "draw" in functions or f"draw_{name}" in functions
    )
    return WorkloadSource(functions, cases, drawn, hashlib.sha256(data).hexdigest())


def _takes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Takes:
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    most = inf if arguments.vararg else positional
    return Takes(function.lineno, positional - len(arguments.defaults), most)


def _literal(statement: Any, path: Path) -> dict[str, Any]:
    """The value of ``cases = {...}``: arguments by name, by case."""
    import ast

    where = f"{path}:{statement.lineno}"
    try:
        result = ast.literal_eval(statement.value)
        json.dumps(result)
    except (ValueError, TypeError):
        result = None
    if not isinstance(result, dict) or not all(isinstance(each, dict) for each in result.values()):
        raise PatcherError(
            "config",
            "`cases` must be a literal: arguments by name, by the name of the case",
            where=where,
            hint='for example cases = {"short": {"length": 10}, "long": {"length": 1000}}',
        )
    return {str(name): arguments for name, arguments in result.items()}


def _strings(config: Mapping[str, Any], key: str) -> Sequence[str]:
    value = config.get(key, ())
    return [value] if isinstance(value, str) else [str(each) for each in value]


def _patterns(config: Mapping[str, Any]) -> list[str]:
    """``filter``: regular expressions, each checked here."""
    result = list(_strings(config, "filter"))
    for pattern in result:
        try:
            re.compile(pattern)
        except re.error as error:
            text = f"filter {json.dumps(pattern)} is not a regular expression: {error}"
            raise PatcherError("config", text) from None
    return result
