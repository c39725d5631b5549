"""One small module a command: `add_arguments(parser)` and `run(settings, args) -> exit code`."""
