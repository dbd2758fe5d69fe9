"""Finding the working copy a command is about, and making it when there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.targets import DEFAULT

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.folders import Folders
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

Notify = Callable[[str], None]


def target_of(workspace: Workspace, patches: Sequence[Patch], asked: str | None) -> str:
    """The distribution a command is about: asked for, configured, or what the patches are for.

    Where patches fit several distributions, one that has a working copy here is preferred.

    Raises:
        PatcherError: ``usage`` when the patches have no target in common.
    """
    from patcher.patchfile.versions import name_of, normalise
    from patcher.settings import load_settings

    named = asked or load_settings(workspace.root).get("target")
    if named:
        return normalise(named)
    fitting: list[str] | None = None
    for patch in patches:
        names = [normalise(name_of(text)) for text in patch.targets]
        fitting = names if fitting is None else [name for name in fitting if name in names]
    if fitting == []:
        raise PatcherError("usage", "these patches are for different targets", hint="one at a time")
    present = [name for name in fitting or () if name in workspace.targets()]
    if fitting is None:
        only = workspace.targets()
        return only[0] if len(only) == 1 else DEFAULT
    return (present or fitting)[0]


def existing_copy(
    workspace: Workspace, target: str | None, patch: Patch | None = None
) -> WorkingCopy | None:
    """The working copy, or None when there is none yet."""
    name = target_of(workspace, [patch] if patch else [], target)
    return workspace.working_copy(name) if name in workspace.targets() else None


def copies(workspace: Workspace, target: str | None) -> list[WorkingCopy]:
    """Every working copy of the workspace, or the one that is asked for.

    Raises:
        PatcherError: ``no-working-copy``.
    """
    targets = workspace.targets() if target is None else ()
    if not targets:
        return [workspace.working_copy(target)]
    return [workspace.working_copy(name) for name in targets]


def copy_for(
    workspace: Workspace,
    patches: Sequence[Patch],
    target: str | None,
    notify: Notify = lambda _: None,
) -> WorkingCopy:
    """The working copy that patches go to; made from the installed distribution if need be."""
    name = target_of(workspace, patches, target)
    if name in workspace.targets():
        return workspace.working_copy(name)
    return make_copy(workspace, name, in_place=False, notify=notify)


def make_copy(
    workspace: Workspace, source: str | None, *, in_place: bool, notify: Notify
) -> WorkingCopy:
    """Make a working copy of what the user named."""
    from patcher.store.interpreter import configured
    from patcher.store.source import find_source

    if in_place and (source is None or not Path(source).is_dir()):
        raise PatcherError("usage", "--in-place needs SOURCE to be a git checkout on this machine")
    found = find_source(source or DEFAULT, configured(workspace.root))
    notify(f"making a working copy of {found.distribution} {found.version} ({found.origin})")
    return workspace.init(found, Path(source) if in_place and source else None)


def readable_patches(workspace: Folders) -> tuple[list[Patch], list[PatcherError]]:
    """Every patch of the catalogue that can be read, and what is wrong with the others.

    One broken spec must not keep a command from the rest of the catalogue.
    """
    from patcher.patchfile.catalogue import load_catalogue

    known = load_catalogue(workspace.root)
    patches, broken = [], []
    for name in known.paths:
        try:
            patches.append(known.get(name))
        except PatcherError as error:
            broken.append(error)
    return patches, broken


def concerns(workspace: Workspace) -> Callable[[Patch, Path], bool]:
    """Whether a patch, in its file, concerns the workspace: its own, or for one of its targets.

    Where nothing says yet what the workspace is for, every patch does.
    """
    from patcher.patchfile.versions import name_of, normalise
    from patcher.settings import load_settings

    named = load_settings(workspace.root).get("target")
    targets = {normalise(name) for name in (*workspace.targets(), *([named] if named else ()))}
    packages = {
        package.removesuffix(".py")
        for name in workspace.targets()
        for package in workspace.working_copy(name).packages
    }

    def concerned(patch: Patch, path: Path) -> bool:
        if not targets or workspace.patches_dir in path.parents:
            return True
        provides = {patch.provides, *patch.import_as} - {""}
        named = {normalise(name_of(text)) for text in patch.targets}
        return not targets.isdisjoint(named) or not packages.isdisjoint(provides)

    return concerned
