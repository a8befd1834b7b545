"""Measurements against a limit or a peer of the same run: `python -m bench`, docs/bench.md."""
