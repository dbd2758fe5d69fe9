"""What `patcher judge` is given: specs, diffs, git refs and folders, each as one series of patches.

Everything ends as patches on pristine, by the road of `patcher capture`: what is judged can be
kept as a spec, and everything that looks at patches (claims, declarations) looks at these, too.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from patcher.commands.shared.plan_series import plan_target
from patcher.commands.shared.replay_series import rewriting
from patcher.commands.shared.write_specs import requirement
from patcher.errors import PatcherError, nearest
from patcher.patchfile.catalogue import load_catalogue, read_patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import File, capture
from patcher.rewrite.plan import plan_patches
from patcher.rewrite.selection import select

if TYPE_CHECKING:
    from patcher.patchfile.model import Equivalence, Patch
    from patcher.rewrite.plan import Plan
    from patcher.store.working_copy import WorkingCopy

_GIT_REF = re.compile(r"[\w./@{}^~:-]+\Z")
_NEW_FILE = re.compile(r"^\+\+\+ (?:\"?)(\S+)", re.MULTILINE)
_OLD_FILE = re.compile(r"^--- (?:\"?)(\S+)", re.MULTILINE)
NEW_FILE_MODE = 0o644


@dataclass(frozen=True)
class Candidate:
    """One candidate, as files on pristine.

    Attributes:
        name: as it was given.
        kind: ``patch``, ``set``, ``spec``, ``diff``, ``ref``, ``folder`` or ``combination``.
        patches: in the order in which they are applied.
        files: content by path of everything they change; None where a file is deleted.
    """

    name: str
    kind: str
    patches: tuple[Patch, ...]
    files: Mapping[str, bytes | None]


def read_candidate(copy: WorkingCopy, text: str, claim: Equivalence) -> Candidate:
    """Understand one word of the command line.

    Args:
        claim: what diffs, refs and folders claim; a spec says it itself.

    Raises:
        PatcherError: ``usage`` for what is nothing of all that, ``unknown-patch``, ``spec``; what
            stands against applying it to pristine.
    """
    kind, path = kind_of(copy, text), _place(copy, text)
    if kind in ("patch", "set"):
        return on_pristine(copy, text, kind, load_catalogue(copy.workspace.root).expand([text]))
    if kind == "spec":
        return on_pristine(copy, text, kind, [read_patch(path)])
    if kind == "diff":
        return _captured(copy, text, kind, _diffed(copy, path), claim)
    after = _from_source(copy, path) if kind == "folder" else _from_ref(copy, text)
    return _captured(copy, text, kind, after, claim)


def kind_of(copy: WorkingCopy, text: str) -> str:
    """What a word of the command line names, as `Candidate.kind` has it; its content is not read.

    Raises:
        PatcherError: ``usage`` for what is nothing of all that, ``unknown-patch`` for a set that
            is not there; with the nearest name.
    """
    catalogue, path = load_catalogue(copy.workspace.root), _place(copy, text)
    if text.startswith("@") and text[1:] not in catalogue.sets:
        catalogue.expand([text])
    if text.startswith("@") or text in catalogue.paths:
        return "set" if text.startswith("@") else "patch"
    if path.is_file():
        return "spec" if path.suffix in (".yaml", ".yml") else "diff"
    if path.is_dir():
        return "folder"
    if _commit_of(copy, text) is not None:
        return "ref"
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    known = [*catalogue.paths, *(f"@{name}" for name in catalogue.sets)]
    written = text.rpartition("/")
    known += ["".join((*written[:2], each.name)) for each in beside if each.name[0] != "."]
    raise PatcherError(
        "usage",
        f"{text!r} is no patch, spec, diff, folder or git ref",
        hint=nearest(text, known, otherwise="`patcher judge --help` says what a candidate can be"),
    )


def _place(copy: WorkingCopy, text: str) -> Path:
    return Path(text) if Path(text).is_absolute() else copy.workspace.root / text


def on_pristine(copy: WorkingCopy, name: str, kind: str, patches: Sequence[Patch]) -> Candidate:
    """A candidate of patches that fit pristine together; of a set, those that fit.

    Raises:
        PatcherError: every problem of the plan.
    """

    def plan(some: Sequence[Patch]) -> Plan:
        return plan_patches(
            some,
            copy.pristine,
            plan_target(copy),
            rewrite=rewriting(copy.workspace),
        )

    named = () if kind == "set" else [patch.name for patch in patches]
    selection = select(patches, named, plan)
    if not selection.plan.ok:
        raise selection.plan.error()
    taken = tuple(each.patch for each in selection.plan.patches)
    if not selection.plan.files:
        raise PatcherError("usage", f"{name} changes nothing of {copy.target}")
    return Candidate(name, kind, taken, selection.plan.files)


def _captured(
    copy: WorkingCopy,
    text: str,
    kind: str,
    after: Mapping[str, File | None],
    claim: Equivalence,
) -> Candidate:
    """A candidate made of files, turned into a patch and replayed."""
    before: dict[str, File] = {}
    for path in after:
        content, mode = copy.pristine(path), copy.pristine_mode(path)
        if content is not None:
            before[path] = (content, NEW_FILE_MODE if mode is None else mode)
    changed = {path: held for path, held in after.items() if held != before.get(path)}
    if not changed:
        raise PatcherError("usage", f"{text} changes nothing of {copy.target}")
    name = _name_of(text)
    result = capture(name, requirement(copy, next(iter(changed))), before, changed)
    spec = result.text.replace("equivalence: bitwise", f"equivalence: {claim.value}", 1)
    patch = read_spec(spec, f"{name}.yaml", result.attachments)
    candidate = on_pristine(copy, text, kind, [patch])
    for path, held in changed.items():
        written = candidate.files.get(path, copy.pristine(path))
        if written != (held[0] if held else None):
            raise PatcherError("usage", f"{text}: {path} cannot be said as a patch", where=path)
    return candidate


def _name_of(text: str) -> str:
    stem = PurePosixPath(text.rstrip("/")).name.partition(".")[0].lower()
    return re.sub(r"[^a-z0-9_]+", "_", stem).strip("_0123456789") or "candidate"


def _diffed(copy: WorkingCopy, path: Path) -> dict[str, File | None]:
    """The files a unified diff leads to, applied to pristine in a folder of its own."""
    from patcher.store.plumbing import environment

    text = path.read_text("utf-8", "surrogateescape")
    named = [*_OLD_FILE.findall(text), *_NEW_FILE.findall(text)]
    files = [file for file in dict.fromkeys(named) if file != "/dev/null"]
    if not files:
        raise PatcherError("usage", f"{path} is no unified diff", where=str(path))
    strip = _strip(copy, files)
    places = {"/".join(file.split("/")[strip:]) for file in files}
    with tempfile.TemporaryDirectory() as folder:
        for place in places:
            content = copy.pristine(place)
            if content is not None:
                (Path(folder) / place).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / place).write_bytes(content)
        command = ["git", "apply", f"-p{strip}", "--whitespace=nowarn", str(path.resolve())]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, env=environment(), check=False
        )
        if done.returncode:
            first = done.stderr.strip().splitlines()
            raise PatcherError(
                "conflict",
                f"{path.name} does not apply to pristine: {first[0] if first else 'git apply'}",
                hint="make the diff against the version `patcher status` names",
                where=str(path),
            )
        return {place: _held(Path(folder) / place) for place in places}


def _strip(copy: WorkingCopy, files: Sequence[str]) -> int:
    """How many folders stand before the import root in a diff's paths (``a/src/``)."""
    deepest = max(file.count("/") for file in files)
    for strip in range(deepest + 1):
        rest = ["/".join(file.split("/")[strip:]) for file in files]
        tops = {place.partition("/")[0] for place in rest}
        if tops <= set(copy.packages) and any(copy.pristine(place) is not None for place in rest):
            return strip
    raise PatcherError("usage", f"the diff names no file of {copy.target}", where=files[0])


def _held(place: Path) -> File | None:
    if not place.is_file():
        return None
    return place.read_bytes(), place.stat().st_mode & 0o777


def _from_source(copy: WorkingCopy, folder: Path) -> dict[str, File | None]:
    """The package's files as a folder has them; Python files it lacks are deleted."""
    from patcher.store.source import find_source

    source = find_source(str(folder))
    mine = {
        path: held for path, held in source.files.items()
        if path.partition("/")[0] in copy.packages
    }  # fmt: skip
    if not mine:
        raise PatcherError("usage", f"{folder} holds no {', '.join(copy.packages)}")
    known = [path for path in copy.paths() if path.partition("/")[0] in copy.packages]
    removed = [path for path in known if path.endswith(".py") and path not in mine]
    modes = {path: copy.pristine_mode(path) or NEW_FILE_MODE for path in mine}
    return {
        **{path: (content, modes[path]) for path, (content, _) in mine.items()},
        **dict.fromkeys(removed),
    }


def _from_ref(copy: WorkingCopy, ref: str) -> dict[str, File | None]:
    """The files at a commit of the checkout that the target came from."""
    from patcher.store.plumbing import run

    found = _commit_of(copy, ref)
    archive = run(found[0], "archive", "--format=tar", found[1]) if found else None
    if archive is None:
        raise PatcherError("usage", f"git does not hand out the files of {ref}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tree.tar").write_bytes(archive)
        with tarfile.open(Path(folder) / "tree.tar") as tar:
            tar.extractall(Path(folder) / "tree", filter="data")
        return _from_source(copy, Path(folder) / "tree")


def _commit_of(copy: WorkingCopy, ref: str) -> tuple[Path, str] | None:
    """The git folder that knows a ref, and its commit; None for no such ref."""
    from patcher.store.plumbing import find_checkout, run

    if "/" in ref and not _GIT_REF.match(ref):
        return None
    origin = Path(copy.origin.partition(" ")[2])
    for place in (copy.root if copy.in_place else origin, copy.workspace.root):
        result = find_checkout(place) if place.is_absolute() and place.is_dir() else None
        if result is None:
            continue
        commit = run(result[1], "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if commit:
            return result[1], commit.decode().strip()
    return None


def combined(copy: WorkingCopy, parts: Sequence[Candidate]) -> Candidate:
    """Several candidates as one, in this order.

    Raises:
        PatcherError: where they do not go together.
    """
    patches: dict[str, Patch] = {}
    for part in parts:
        patches.update({patch.name: patch for patch in part.patches})
    name = " + ".join(part.name for part in parts)
    return on_pristine(copy, name, "combination", list(patches.values()))
