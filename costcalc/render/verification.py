"""A verification as text and as a `costcalc/verify/1` document."""

from __future__ import annotations

from typing import Any

from costcalc.network import plain
from costcalc.render.data import published_json
from costcalc.render.escape import terminal
from costcalc.render.worked import TEXT_SUM
from costcalc.verify import Compared, Verification
from costcalc.version import VERSION

SHOWN = 5  # nodes that disagree, told in full


def verification_text(v: Verification) -> str:
    """One line where all agree; else the first nodes that do not, with both values and the place."""
    network, totals = v.report.network, v.report.totals
    settings = ", ".join(f"{name} {_said(value)}" for name, value in network.hyperparameters.items())
    head = f"{terminal(network.name)} ({settings or 'no settings'}, batch {v.report.batch})"
    missed = [p for p in v.published if p.status == "missed"]
    errata = sum(p.status == "erratum" for p in v.published)
    figures = (
        f"; {_many(len(v.published), 'published figure')}: {len(v.published) - len(missed) - errata} met, "
        f"{errata} {'erratum' if errata == 1 else 'errata'}"
        if v.published
        else ""
    )
    lines = [f"missed  {terminal(p.place)}: {p.quantity} {p.figure}, exactly {p.counted}" for p in missed]
    if v.agreed:
        counts = f"{totals.params:,} parameters, {totals.madds:,} MAdds, peak {v.executed_peak:,} bytes"
        counts += f", {v.report.stored.bits:,} bits stored" if v.report.stored else ""
        return "\n".join([f"agreed  {head}: {_many(len(v.nodes), 'node')}, {counts}{figures}", *lines]) + "\n"
    wrong = [node for node in v.nodes if not node.agreed]
    lines.insert(0, f"DISAGREED  {head}: {len(wrong)} of {len(v.nodes)} nodes{figures}")
    for node in wrong[:SHOWN]:
        lines += _told(v, node)
    if len(wrong) > SHOWN:
        lines.append(f"  ... and {len(wrong) - SHOWN} more nodes")
    if v.predicted_peak != v.executed_peak:
        lines.append(f"  peak of live activations: predicted {v.predicted_peak:,} bytes, executed {v.executed_peak:,}")
    return "\n".join(lines) + "\n"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _said(value: Any) -> str:
    return str(plain(value)).lower() if isinstance(value, bool) else str(plain(value))


def _told(v: Verification, node: Compared) -> list[str]:
    lines = [f"  {node.path} ({node.kind}{f', {node.span}' if node.span else ''})"]
    for name, predicted, executed in node.differences:
        formula = v.formula(node, name) if name != "output" else None
        by = f" by {TEXT_SUM.factored(formula.polynomial)}" if formula else ""
        lines.append(f"    {name}: predicted {predicted}{by}, executed {executed}")
    if node.literal is not None and node.literal != node.executed:
        lines.append(f"    executed {dict(node.executed)}, literally {dict(node.literal)}")
    return lines


def verification_json(found: list[Verification]) -> dict[str, Any]:
    """The document of one verification or several; `agreed` is of them all."""
    if len(found) == 1:
        return {"schema": "costcalc/verify/1", "version": VERSION, **_one(found[0])}
    networks = [_one(v) for v in found]
    return {
        "schema": "costcalc/verify/1",
        "version": VERSION,
        "agreed": all(v.agreed for v in found),
        "networks": networks,
    }


def _one(v: Verification) -> dict[str, Any]:
    network = v.report.network
    return {
        "agreed": v.agreed,
        "network": {"name": network.name, "spec": network.origin, "sha256": network.sha256},
        "hyperparameters": {name: plain(value) for name, value in network.hyperparameters.items()},
        "batch": v.report.batch,
        "peak_activation_bytes": {"predicted": v.predicted_peak, "executed": v.executed_peak},
        "published": [published_json(p) for p in v.published],
        "nodes": [
            {
                "path": n.path,
                "kind": n.kind,
                "predicted": dict(n.predicted),
                "executed": dict(n.executed),
                **({} if n.literal is None else {"literal": dict(n.literal)}),
                "agreed": n.agreed,
            }
            for n in v.nodes
        ],
    }
