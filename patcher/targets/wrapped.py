"""An adapter that passes on what another one says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.targets.adapter import Adapter, Assets, Matrix, Options


@dataclass(frozen=True)
class WrappedAdapter:
    """The members every adapter has, as those of the adapter inside."""

    adapter: Adapter

    @property
    def distribution(self) -> str:
        return self.adapter.distribution

    @property
    def packages(self) -> tuple[str, ...]:
        return tuple(self.adapter.packages)

    @property
    def serving(self) -> str:
        return self.adapter.serving

    @property
    def making(self) -> str | None:
        return self.adapter.making

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        return self.adapter.matrix(config)

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        return self.adapter.assets(matrix, options, version)

    def __getattr__(self, name: str) -> Any:
        """What an adapter may have beside: ``draw``, ``vary``, ``entries``, ``warnings``, ..."""
        if name == "adapter":  # while it is being copied
            raise AttributeError(name)
        return getattr(self.adapter, name)
