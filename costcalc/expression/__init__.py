"""The expression language of specs, conventions and spaces: exact arithmetic over declared names, and nothing else."""

from costcalc.expression.evaluation import Expression, Word, parse
from costcalc.expression.syntax import FUNCTIONS, RESERVED, ExpressionError, Tree

__all__ = ["FUNCTIONS", "RESERVED", "Expression", "ExpressionError", "Tree", "Word", "parse"]
