"""One module for each command of `interpact`, with `configure(parser)` and `run(arguments) -> int`, its exit status."""
