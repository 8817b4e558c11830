"""Values to text. A renderer gets a Report and computes no count; nothing of a spec may act in its format."""

from __future__ import annotations

from costcalc.cost.report import Report
from costcalc.render.sheet import Sheet, View, lay_out

FORMATS = ("table", "md", "csv", "json", "latex", "html")

__all__ = ["FORMATS", "View", "render", "to_text"]


def render(
    report: Report,
    format: str,
    view: View | None = None,
    width: int | None = None,
    color: bool = False,
    unicode: bool = True,
) -> str:
    """The report in one of FORMATS. `table` is plain text of full width unless the `width` of a terminal is given.

    A JSON document has rows beside its nodes only where a view is given.
    """
    shown = view or View()
    if format == "json":
        from costcalc.render.data import report_json, to_json

        return to_json(report_json(report, view))
    if format == "csv":
        from costcalc.render.spreadsheet import report_csv

        return report_csv(report, shown)
    return to_text(lay_out(report, shown), format, width, color, unicode)


def to_text(sheet: Sheet, format: str, width: int | None, color: bool, unicode: bool) -> str:
    """A sheet as one of the formats that are read by people."""
    if format == "table" and width is not None:
        from costcalc.render.terminal import to_terminal

        return to_terminal(sheet, width, color, unicode)
    if format == "html":
        from costcalc.render.html import html

        return html(sheet)
    from costcalc.render import text

    return {"table": text.plain, "md": text.markdown, "latex": text.latex}[format](sheet)
