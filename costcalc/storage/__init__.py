"""What compressed weights take to store, and the operations that are said of them: beside the counts, never in them.

A spec says with `compress` how the weights of a layer are stored. Parameters, multiply-adds and the census stay those
of the layer as it is written; what is here is a second account. It is loaded only where a spec compresses something.
"""

from costcalc.storage.record import Effective, Stored, added
from costcalc.storage.rule import stored, uncompressed
from costcalc.storage.scheme import SCHEME, Scheme, check, read

__all__ = ["SCHEME", "Effective", "Scheme", "Stored", "added", "check", "read", "stored", "uncompressed"]
