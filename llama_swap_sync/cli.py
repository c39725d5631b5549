"""The command line: arguments -> settings -> one command; the only place that ends the process."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import llama_swap_sync
from llama_swap_sync import log
from llama_swap_sync.errors import SyncError
from llama_swap_sync.settings import Reading, SettingsError, read

IMAGE_MARKER = Path("/etc/llama-swap-sync-image")

# Name -> one-line help. Each is a module of `llama_swap_sync.commands`, imported only when it is asked for:
# `--help` and an idle look must load neither requests nor docker nor huggingface_hub.
COMMANDS = {
    "sync": "bring config.yaml and llama-swap in step with the models directory, once (the default)",
    "list": "show every model with its kind, size, context, ID and state",
    "download": "download models from Hugging Face",
    "update": "look for newer versions of downloaded models, and fetch them",
    "verify": "hash every downloaded file again and compare",
    "restore": "list the backups of config.yaml, or put one back",
    "check": "look at settings, folders, Docker and llama-swap, and say what to do",
    "config": "show the settings in force and where each came from",
    "status": "show what the last runs did",
    "run": "keep everything in step, unattended",
}
# What the containers and the unattended loop start: command -> module.
INNER_COMMANDS = {
    "init": "init",
    "pass": "unattended_pass",
    "fetch": "fetch",
    "status-page": "status_page",
}

# A command-line option stands for the variable of the same meaning and wins over it.
OPTION_VARIABLES = {
    "config": "LLAMA_SWAP_CONFIG",
    "models_dir": "LLAMA_SWAP_MODELS_DIR",
    "container": "LLAMA_SWAP_CONTAINER",
    "prune": "SYNC_PRUNE",
    "no_restart": "SYNC_APPLY",
    "retries": "SYNC_RETRIES",
    "retry_delay": "SYNC_RETRY_DELAY",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals are one line and exit 1: 2 and 3 mean something else here."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"llama-swap-sync: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 done, 1 error, 2 download failed, 3 verification failed."""
    try:
        code = run(sys.argv[1:] if argv is None else argv, os.environ)
        sys.stdout.flush()
    except SyncError as error:
        sys.stderr.write("".join(f"llama-swap-sync: {line}\n" for line in str(error).splitlines()))
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # `llama-swap-sync list | head`: the reader has left, and the flush at exit would complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code of the command that `argv` asks for. Raises SyncError for what a person can mend."""
    name, rest = _command(argv)
    if name is None:
        _overview().parse_args(rest)
        return 0
    module = importlib.import_module(f"llama_swap_sync.commands.{INNER_COMMANDS.get(name, name)}")
    parser = _Parser(prog=f"llama-swap-sync {name}", description=COMMANDS.get(name))
    _add_common(parser)
    module.add_arguments(parser)
    args = parser.parse_args(rest)
    try:
        reading = _read_settings(args, environ)
    except SettingsError as error:
        return _refused(module, error)
    log.set_up(_level(args, reading), reading.settings.log_format)
    if name == "config":
        return int(module.run(reading, args))
    if name not in INNER_COMMANDS:
        _warn(reading)
    return int(module.run(reading.settings, args))


def _refused(module: Any, error: SettingsError) -> int:
    # A supervised program stays, unhealthy, instead of being started again and again with the same wrong
    # settings.
    if hasattr(module, "refused"):
        return int(module.refused(error))
    raise error


def _command(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """The command's name and what follows it; options alone mean `sync`, a lone --help or --version none."""
    if argv and (argv[0] in COMMANDS or argv[0] in INNER_COMMANDS):
        return argv[0], list(argv[1:])
    if argv and (argv[0] in ("-h", "--help", "--version") or not argv[0].startswith("-")):
        return None, list(argv)
    return "sync", list(argv)


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = _Parser(
        prog="llama-swap-sync",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=llama_swap_sync.__doc__,
        epilog="commands:\n"
        + "".join(f"  {name:<{width}}  {help}\n" for name, help in COMMANDS.items())
        + "\nllama-swap-sync COMMAND --help shows a command's options.",
    )
    parser.add_argument(
        "--version", action="version", version=f"llama-swap-sync {llama_swap_sync.__version__}"
    )
    parser.add_argument("command", choices=tuple(COMMANDS), metavar="COMMAND")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="the config file (LLAMA_SWAP_CONFIG)")
    parser.add_argument("--models-dir", metavar="DIR", help="the models directory (LLAMA_SWAP_MODELS_DIR)")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="log every decision")
    volume.add_argument("-q", "--quiet", action="store_true", help="log warnings and errors only")


def _read_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> Reading:
    options = {}
    for option, variable in OPTION_VARIABLES.items():
        value = getattr(args, option, None)
        if value is True:
            options[variable] = "none" if option == "no_restart" else "true"
        elif value not in (None, False):
            options[variable] = str(value)
    return read(environ, options, in_image=IMAGE_MARKER.exists())


def _level(args: argparse.Namespace, reading: Reading) -> str:
    if args.verbose:
        return "debug"
    return "warning" if args.quiet else reading.settings.log_level


def _warn(reading: Reading) -> None:
    import logging

    for warning in reading.warnings:
        logging.getLogger(__name__).warning(warning)


__all__ = ["COMMANDS", "SettingsError", "main", "run"]
