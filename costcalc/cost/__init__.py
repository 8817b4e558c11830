"""The cost model: a Network to its Report. It reads the census of every node, and never an array."""

from costcalc.cost.convention import Convention, conventions, load_convention
from costcalc.cost.count import DTYPES, count
from costcalc.cost.report import Report, Row, Totals

__all__ = ["DTYPES", "Convention", "Report", "Row", "Totals", "conventions", "count", "load_convention"]
