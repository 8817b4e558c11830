"""The formulas of single layers, in the symbols of their field: the rules of `kinds/` run on traced numbers.

A layer maps M channels to N with a window of D_K x D_K, in g groups, at D_F x D_F output positions, as in Howard et
al. 2017 (arXiv:1704.04861), section 3.1; what is not square has a symbol for each axis. A window, a number of groups
or a multiplier of 1 is left out. No formula leaves this room that does not give the counted integer.
"""

from costcalc.formulas.layer import Double, Layer, census_formulas, doubled, node_formulas, samples
from costcalc.formulas.symbols import Disproved, Formula, Symbol, Symbols

__all__ = [
    "Disproved",
    "Double",
    "Formula",
    "Layer",
    "Symbol",
    "Symbols",
    "census_formulas",
    "doubled",
    "node_formulas",
    "samples",
]
