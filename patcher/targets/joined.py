"""The adapter of one distribution, on a tree that holds others beside it."""

from __future__ import annotations

from dataclasses import dataclass

from patcher.targets.wrapped import WrappedAdapter


@dataclass(frozen=True)
class JoinedAdapter(WrappedAdapter):
    """An adapter whose workers take the packages of all distributions from the frozen tree.

    Attributes:
        beside: top-level packages of the other distributions.
    """

    beside: tuple[str, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """None stays none: such an adapter runs processes of their own."""
        own = super().packages
        return (*own, *(each for each in self.beside if each not in own)) if own else ()
