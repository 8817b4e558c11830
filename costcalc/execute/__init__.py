"""The reference executor: runs a network on real arrays and tallies what it computes, where it computes it.

It is an independent witness. A kernel sees a node's attributes and the arrays that arrive; it makes its own weights,
applies its own padding and finds its output size from the definition of the operation. Nothing here imports the rules
in `kinds/`, the cost model or a predicted number, and no code is shared with them. Where the two disagree, the
published definition of the operation decides, then this executor, then the rule.
"""

from costcalc.execute.run import CannotRun, Execution, NodeRun, execute

__all__ = ["CannotRun", "Execution", "NodeRun", "execute"]
