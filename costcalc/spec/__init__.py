"""Specs: YAML text to a Document, a Document and its hyper-parameters to a Network."""

from costcalc.spec.document import Document, parse_document, read_document
from costcalc.spec.expand import build_network
from costcalc.spec.locate import bundled

__all__ = ["Document", "build_network", "bundled", "parse_document", "read_document"]
