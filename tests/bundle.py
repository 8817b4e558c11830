"""The bundled specs by what can be set in them."""

from __future__ import annotations

from costcalc.spec import bundled, read_document


def _declared(name: str) -> set[str]:
    return {parameter.name for parameter in read_document(name).hyperparameters}


def with_resolution() -> list[str]:
    """The specs whose input is an image of any size."""
    return [name for name in sorted(bundled()) if "resolution" in _declared(name)]


def multipliers() -> dict[str, str]:
    """The specs with a resolution and a width multiplier, and what that is called."""
    found = {name: {"alpha", "scale"} & _declared(name) for name in with_resolution()}
    return {name: names.pop() for name, names in found.items() if names}
