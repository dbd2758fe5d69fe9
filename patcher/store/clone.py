"""Cloning a source, with GitPython, which is imported when it is done."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import plumbing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def quiet_environment(*, network: bool = False) -> Iterator[None]:
    """`git.environment` for GitPython, which copies `os.environ`."""
    variables = plumbing.environment()
    if network:
        variables["GIT_ALLOW_PROTOCOL"] = "https:http:ssh:git:file"
        variables.pop("GIT_NO_LAZY_FETCH")
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.update({name: text for name, text in variables.items() if name.startswith("GIT_")})
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            del os.environ[name]
        os.environ.update({name: text for name, text in before.items() if name[:4] == "GIT_"})


def clone(url: str, destination: Path) -> str:
    """Clone the newest commit of a URL's default branch; returns the commit.

    Raises:
        PatcherError: ``source`` with git's last words; ``usage`` where there is no git.
    """
    plumbing.require_git("cloning")
    from git import GitCommandError, GitError, Repo

    safe = [f"--config={option}" for option in plumbing.SAFE_OPTIONS[:3]]
    try:
        with quiet_environment(network=True):
            repository = Repo.clone_from(
                url,
                destination,
                multi_options=["--depth=1", "--no-tags", "--template=", *safe],
                # `--config` counts as unsafe because it can set hooks; here it removes them.
                allow_unsafe_options=True,
            )
            commit = repository.head.commit.hexsha
            repository.close()
    except (GitError, GitCommandError, ValueError, OSError) as error:
        words = [line for line in str(getattr(error, "stderr", error)).splitlines() if line.strip()]
        raise PatcherError(
            "source", f"git could not clone {url}", notes=words[-2:], where=url
        ) from None
    return str(commit)
