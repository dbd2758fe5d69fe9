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
    from patcher.store.source import DistributionSource
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

Notify = Callable[[str], None]


def target_of(workspace: Workspace, patches: Sequence[Patch], asked: str | None) -> str:
    """The working copy a command is about: asked for, configured, or what the patches are for.

    Where patches fit several distributions, one that has a working copy here is preferred; next
    comes a working copy that has their package under another distribution's name.

    Returns:
        The name of a working copy, or where there is none yet ``A`` or ``A,B``: the distributions
        it is to hold.

    Raises:
        PatcherError: ``usage`` when the patches have no target in common.
    """
    from patcher.patchfile.versions import name_of, normalise, split_target

    named = asked or configured_target(workspace)
    if named:
        return workspace.find_target(named) or ",".join(split_target(named))
    fitting: list[str] | None = None
    for patch in patches:
        names = [normalise(name_of(text)) for text in patch.targets]
        fitting = names if fitting is None else [name for name in fitting if name in names]
    if fitting == []:
        return _of_all(workspace, patches)
    if fitting is None:
        only = workspace.targets()
        return only[0] if len(only) == 1 else DEFAULT
    present = [result for name in fitting if (result := workspace.find_target(name))]
    return (present or _forks(workspace, patches) or fitting)[0]


def _forks(workspace: Workspace, patches: Sequence[Patch]) -> list[str]:
    """The working copy that has the package of every patch, under another distribution's name.

    Raises:
        PatcherError: ``usage`` when there are several to choose from.
    """
    from patcher.patchfile.versions import fits

    states = [workspace.state(target) for target in workspace.targets()]
    having = [
        state.target
        for state in states
        if all(fits(patch, state.target, None, state.packages) for patch in patches)
    ]
    if len(having) > 1:
        raise PatcherError(
            "usage",
            f"these patches are for a package of several working copies: {', '.join(having)}",
            hint=f"`--target {having[0]}` names one",
        )
    return having


def configured_target(workspace: Workspace) -> str | None:
    """``target`` of the settings, a name or a list of them, as ``A`` or ``A,B``."""
    from patcher.settings import load_settings

    named = load_settings(workspace.root).get("target")
    return ",".join(map(str, named)) if isinstance(named, list) else named


def _of_all(workspace: Workspace, patches: Sequence[Patch]) -> str:
    """The working copy that holds the targets of patches for different distributions."""
    from patcher.patchfile.versions import fits, name_of

    states = [workspace.state(target) for target in workspace.targets()]
    for state in states:
        if all(fits(patch, state.target, state.version, state.packages) for patch in patches):
            return state.target
    names = dict.fromkeys(name_of(patch.targets[0]) for patch in patches)
    options = " ".join(f"--target {name}" for name in names)
    raise PatcherError(
        "usage",
        f"these patches are for different targets: {', '.join(names)}",
        hint=f"`{options}` patches them together, in one series with one verdict",
    )


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
    return make_copy(workspace, name.split(","), in_place=False, notify=notify)


def make_copy(
    workspace: Workspace, sources: Sequence[str], *, in_place: bool, notify: Notify
) -> WorkingCopy:
    """Make a working copy of what the user named; of several distributions, one that holds all.

    Where the user named nothing, it is of the ``target`` of the settings. A distribution that has a
    working copy of its own here is taken from that, before any patch.
    """
    from patcher.patchfile.versions import with_version

    if in_place and (len(sources) != 1 or not Path(sources[0]).is_dir()):
        hint = (
            "a checkout holds one project; without --in-place `patcher init A B` makes a tree that "
            "holds both, and `patcher export --in-place FOLDER` writes where both are installed"
        )
        message = "--in-place needs SOURCE to be a git checkout on this machine"
        raise PatcherError("usage", message, hint=hint if len(sources) > 1 else "")
    named = (configured_target(workspace) or DEFAULT).split(",")
    result = source_of(workspace, sources or named)
    what = with_version(result.distribution, result.version)
    notify(f"making a working copy of {what} ({result.origin})")
    return workspace.init(result, Path(sources[0]) if in_place else None)


def source_of(workspace: Workspace, sources: Sequence[str]) -> DistributionSource:
    """What the user named, read; of several, one source that holds them all.

    Raises:
        PatcherError: ``source``.
    """
    from patcher.store.interpreter import configured
    from patcher.store.source import find_source

    python = configured(workspace.root)
    if len(sources) == 1:
        return find_source(sources[0], python)
    from patcher.store.joined import join, pristine_source

    return join(
        [
            pristine_source(workspace.working_copy(name))
            if name in workspace.targets()
            else find_source(name, python)
            for name in sources
        ]
    )


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
    from patcher.patchfile.versions import name_of, normalise, split_target

    named = configured_target(workspace)
    targets = {normalise(each) for each in (*workspace.targets(), *split_target(named or ""))}
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
