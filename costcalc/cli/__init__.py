"""The command line: options to calls, results to stdout, words to stderr, failures to exit codes. No formula."""

from costcalc.cli.main import main

__all__ = ["main"]
