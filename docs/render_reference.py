"""Renders the reference from the code: commands from click, errors and settings from their tables.

The site's configuration calls `write` before it builds: what is rendered is never out of date, and
not in the repository.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from patcher.cli import COMMANDS, cli
from patcher.commands.explain import TOUCHED
from patcher.errors import MEANS, TABLE, Exit
from patcher.patchfile import schema as patch_schema
from patcher.results import schema
from patcher.settings import TABLES, TOP
from patcher.targets import SHIPPED, adapter
from patcher.verify import receipt

DOCS = Path(__file__).resolve().parent
COMMON = {"directory", "json", "verbose", "quiet", "no_color", "help"}
EXITS = {
    Exit.OK: "done, or already in the wanted state; a verification that passes, also when slower "
    "or undecided; `status` and `scan` whatever they find",
    Exit.FAILED: "verification failed, or `--require` is not met, and the tree was put back "
    "(unless `--keep`); a check found problems",
    Exit.USAGE: "wrong use, a bad spec or configuration; nothing was touched",
    Exit.REFUSED: "refused: a hand edit, a missing or ambiguous site, a wrong version, a conflict; "
    "nothing was touched",
    Exit.NEEDS_PERSON: "needs a person: both copies are kept and named",
    Exit.LOCKED: "another run holds the workspace",
    Exit.CANNOT_JUDGE: "cannot judge: the original itself fails, or the target cannot be run here",
    Exit.INTERRUPTED: "interrupted; what had begun was put back",
}
SETTINGS = {
    "target": "the distribution this workspace is about",
    "python": "the interpreter that runs the target, where it is not patcher's own",
    "verify": "what is run and how; the keys below",
    "scan": "defaults of `patcher scan`",
    "call": "`FILE:FUNCTION`, or a list of them: what is run; what it returns is compared",
    "cases": "arguments of the calls, a table a case",
    "compare": "`FILE:FUNCTION` that says whether two returned values count as equal",
    "command": "a command that is run once an arm; its exit status is judged",
    "outputs": "files the command writes; they are compared",
    "filter": "patterns of what may differ in outputs",
    "tests": "arguments for pytest: each test is a case",
    "adapter": "`FILE:OBJECT`, an adapter of your own",
    "matrix": "models and tests, for an adapter that reads them",
    "gates": "thresholds of the gates, a table a gate",
    "package": "dependencies that `scan` maps too",
}


def pages() -> dict[str, str]:
    """Every rendered page by its path under docs/."""
    return {
        "reference/commands.md": commands(),
        "reference/errors.md": errors(),
        "reference/configuration.md": configuration(),
        "reference/json.md": json_objects(),
        "reference/adapters.md": adapters(),
        "llms.txt": llms(),
    }


def commands() -> str:
    """Every command with its arguments, options and examples."""
    lines = ["# Commands", "", "Options every command takes:", ""]
    lines += options(param for param in cli.params if param.name in COMMON)
    context = click.Context(cli, info_name="patcher")
    for name, summary in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        lines += ["", f"## {name}", "", summary, "", *one_command(command, name, context)]
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            for part in command.list_commands(inner):
                below = command.get_command(inner, part)
                assert below is not None
                lines += ["", f"### {name} {part}", "", *one_command(below, part, inner)]
    return "\n".join(lines)


def one_command(command: click.Command, name: str, parent: click.Context) -> list[str]:
    """Usage, help, options and examples."""
    usage = command.get_usage(click.Context(command, info_name=name, parent=parent))
    lines = ["```text", plain(usage), "```", ""]
    lines += [inspect.cleandoc(command.help or "").replace("\b\n", ""), ""]
    own = [param for param in command.params if param.name not in COMMON]
    lines += options(param for param in own if isinstance(param, click.Option))
    if command.epilog:
        examples = [line.strip() for line in command.epilog.strip().splitlines()]
        lines += ["", "```sh", *examples, "```"]
    return lines


def plain(usage: str) -> str:
    return " ".join(usage.removeprefix("Usage: ").split())


def options(params: Iterable[click.Parameter]) -> list[str]:
    """A table of options."""
    rows = []
    for param in params:
        if not isinstance(param, click.Option):
            continue
        names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
        takes = "" if param.is_flag or param.count else param.make_metavar(click.Context(cli))
        value = f" `{escaped(takes)}`" if takes else ""
        rows.append(f"| {names}{value} | {escaped(param.help or '')} |")
    return ["| option | |", "|---|---|", *rows] if rows else []


def escaped(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def errors() -> str:
    """Error codes and exit statuses."""
    lines = ["# Errors and exit statuses", "", "## Exit statuses", ""]
    lines += ["| exit | means |", "|---|---|"]
    lines += [f"| {int(code)} | {text} |" for code, text in EXITS.items()]
    lines += ["", "## Error codes", "", "An error starts with its code: `error[drift]`. "
              "`patcher explain CODE` says the same in the terminal.", ""]  # fmt: skip
    for code, row in sorted(TABLE.items()):
        means = MEANS.get(code, "")
        lines += [f"### {code}", "", f"*{row.title}*, exit {int(row.exit)}. {means}", "",
                  f"{TOUCHED[row.exit]} What to do: {row.help}.", ""]  # fmt: skip
    return "\n".join(lines).rstrip()


def configuration() -> str:
    """Keys of the settings, with the option they stand for."""
    lines = [
        "# Configuration", "",
        "A workspace has `patcher.toml`, or `[tool.patcher]` in its `pyproject.toml`. Options win "
        "over the environment (`PATCHER_VERIFY_SCALE=full`), which wins over the file. A table "
        "named like a command holds defaults for its options.", "", "## Top level", "",
        "| key | type | means |", "|---|---|---|",
    ]  # fmt: skip
    lines += [row(key, kinds) for key, kinds in TOP.items()]
    for table, keys in TABLES.items():
        lines += ["", f"## `[{table}]`", "", "| key | type | means |", "|---|---|---|"]
        known = cli.get_command(click.Context(cli), table)
        helps = (
            {p.name: p.help or "" for p in known.params if isinstance(p, click.Option)}
            if known
            else {}
        )
        helps["package"] = SETTINGS["package"]
        for key, kinds in keys.items():
            lines.append(row(key, kinds, helps.get(key, "")))
    return "\n".join(lines)


def row(key: str, kinds: object, option: str = "") -> str:
    several = kinds if isinstance(kinds, tuple) else (kinds,)
    names = {
        str: "text",
        list: "list",
        dict: "table",
        bool: "true or false",
        int: "number",
        float: "number",
    }
    types = " or ".join(dict.fromkeys(names[kind] for kind in several))
    means = SETTINGS.get(key) or "see the page on verification"
    if option and key not in SETTINGS:
        means = f"as the option `--{key.replace('_', '-')}`: {option}"
    return f"| `{key}` | {types} | {escaped(means)} |"


def json_objects() -> str:
    """The objects of ``--json``, from the schemas that a test holds the commands to."""
    lines = [
        "# JSON", "",
        "With `--json` every command prints one object on stdout, on success and on failure alike: "
        '`"schema": 1`, `"ok"` (true exactly when the exit status is 0), and when not ok '
        '`"error"` with `code`, `message`, `hint` and `where`. Keys may be added; none goes or '
        "changes its type. The same as JSON Schema: "
        "[json.schema.json](../json.schema.json) (every command), "
        "[receipt.schema.json](../receipt.schema.json) (`verify --receipt`), "
        "[patch.schema.json](../patch.schema.json) (a spec).", "",
    ]  # fmt: skip
    for name, kind in sorted(schema.schema()["$defs"].items()):
        keys = [*keys_of(kind)]
        lines += [f"## {name}", "", "| key | type | |", "|---|---|---|"]
        lines += [f"| `{key}` | {type_} | {there} |" for key, type_, there in keys]
        lines.append("")
    return "\n".join(lines).rstrip()


def keys_of(kind: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str, str]]:
    """Every key of an object, those of the objects in it too: name, type, whether it may lack."""
    for name, value in kind.get("properties", {}).items():
        there = "" if name in kind.get("required", ()) else "where it was asked for"
        yield f"{within}{name}", type_name(value), there
        for each in value.get("anyOf", [value]):
            below = each.get("items", each)
            mark = "[]." if "items" in each else "."
            yield from keys_of(below, f"{within}{name}{mark}")


def type_name(value: Mapping[str, Any]) -> str:
    """A type in words."""
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    if "enum" in value:
        return " ".join(f"`{each}`" for each in value["enum"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(map(type_name, value["anyOf"])))
    kind = value.get("type", "anything")
    if kind == "array":
        return f"list of {type_name(value.get('items') or {})}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def adapters() -> str:
    """What an adapter has, from the interface itself; and those that are shipped."""
    lines = [
        "# Adapters", "",
        "An adapter says what of a package is run and what of it is compared. "
        "[Targets](../targets.md) explains it, [Add a target](../how-to/add-a-target.md) writes "
        "one.",
        "", "| shipped for | is |", "|---|---|",
    ]  # fmt: skip
    lines += [f"| `{name}` | `{place}` |" for name, place in SHIPPED.items()]
    lines += ["", "Others are found by the entry point `patcher.targets`, or named by "
              '`adapter = "FILE:OBJECT"` under `[verify]`.', ""]  # fmt: skip
    for kind in (adapter.Adapter, adapter.Session):
        lines += [f"## {kind.__name__}", "", about(kind), ""]
        for name, member in vars(kind).items():
            function = member.fget if isinstance(member, property) else member
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            signature = str(inspect.signature(function)).replace("self, ", "").replace("self", "")
            shown = (
                f": {signature.partition('-> ')[2]}" if isinstance(member, property) else signature
            )
            lines += [f"### `{name}{shown}`".replace("'", ""), "", about(function), ""]
    return "\n".join(lines).rstrip()


def about(what: object) -> str:
    """A docstring as Markdown; its sections stand as they are written."""
    text = (inspect.getdoc(what) or "").replace("``", "`")
    head, *sections = re.split(r"\n\s*\n?(?=(?:Args|Raises|Returns|Attributes):\n)", text)
    return "\n".join([head.strip(), *(f"\n```text\n{each.strip()}\n```" for each in sections)])


def schemas() -> dict[str, str]:
    """The JSON Schemas as files."""
    return {
        "json.schema.json": schema.rendered(),
        "receipt.schema.json": json.dumps(receipt.schema(), indent=2) + "\n",
        "patch.schema.json": patch_schema.PATH.read_text("utf-8"),
    }


def llms() -> str:
    """An index of the documentation for language models: https://llmstxt.org."""
    lines = ["# patcher", "", "> Tries source-level optimisations on a Python package and keeps "
             "only what is proven to work and proven to help.", "", "## Pages", ""]  # fmt: skip
    for path in sorted(DOCS.rglob("*.md")):
        if "templates" in path.parts:
            continue
        title = next(
            (line[2:] for line in path.read_text("utf-8").splitlines() if line.startswith("# ")),
            path.stem,
        )
        lines.append(f"- [{title}]({path.relative_to(DOCS).with_suffix('.html').as_posix()})")
    lines += ["", *use().splitlines(), "", "## Commands", ""]
    lines += [f"- `patcher {name}`: {text}" for name, text in COMMANDS.items()]
    return "\n".join(lines)


def use() -> str:
    """How a program uses the judge well: two sections of the page on programs, as they stand."""
    sections = (DOCS / "programs.md").read_text("utf-8").split("\n## ")
    named = ("A loop for a coding agent", "Using the judge well")
    result = ["## " + each.strip() for each in sections if each.startswith(named)]
    return "\n\n".join(result).replace("```{code-block} python\n:caption: ", "```python\n# ")


def write(folder: Path = DOCS) -> None:
    """Write every page under ``folder``."""
    for name, text in pages().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    for name, text in schemas().items():
        (folder / "reference" / name).write_text(text, encoding="utf-8")
