"""Writes what is generated in the Markdown pages: `python tests/update_docs.py`. What test_docs.py compares it with."""

from __future__ import annotations

import sys

from pages import ROOT, pages
from tables import picture

if __name__ == "__main__":
    drawn = ROOT / "docs" / "gallery.svg"
    if not drawn.exists() or drawn.read_text(encoding="utf-8") != picture():
        drawn.write_text(picture(), encoding="utf-8")
        sys.stdout.write("updated docs/gallery.svg\n")
    for name, page in pages().items():
        new = page.regenerated()
        if new != page.text:
            page.path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"updated {name}\n")
