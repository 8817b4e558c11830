"""The kinds by name, each loaded when it is first asked for: a report imports the families that its network has."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(MutableMapping[str, T], Generic[T]):
    """What is registered, and what will be once its module is imported; to iterate over the names imports nothing."""

    def __init__(self) -> None:
        self.homes: dict[str, str] = {}  # a name: the module that registers it
        self.loaded: dict[str, T] = {}

    def expect(self, package: str, families: Mapping[str, tuple[str, ...]]) -> None:
        """Announces what the modules of a package register."""
        self.homes |= {name: f"{package}.{module}" for module, names in families.items() for name in names}

    def __getitem__(self, name: str) -> T:
        if name not in self.loaded and name in self.homes:
            importlib.import_module(self.homes[name])
        return self.loaded[name]

    def __setitem__(self, name: str, value: T) -> None:
        self.loaded[name] = value

    def __delitem__(self, name: str) -> None:
        del self.loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.loaded or name in self.homes

    def __iter__(self) -> Iterator[str]:
        yield from self.homes
        yield from (name for name in self.loaded if name not in self.homes)

    def __len__(self) -> int:
        return len(self.homes.keys() | self.loaded.keys())
