"""The one place that knows domain, persistence and graph: settings, wiring, processes.

It reads the clock and mints ids.
"""
