"""The --config flag: a config file, every field of it a flag, and one clear line for a mistyped one."""

import difflib
import re
import sys
from collections.abc import Callable, Sequence

from absl import flags
from ml_collections import ConfigDict, config_flags

from bsp_tf.base.command_line import BAD_INPUT_STATUS, run_command
from bsp_tf.base.errors import InputError

_HELP = "Config file with get_config(). Each of its fields is a flag too: --config.FIELD=VALUE."


def define_config_flag() -> None:
    """Defines --config=FILE.py, and --config.FIELD=VALUE for each field of that file."""
    config_flags.DEFINE_config_file("config", None, _HELP)


def run_config_command(main: Callable[[Sequence[str]], int | None], define_flags: Callable[[], None]) -> None:
    """`run_command` for a command that has the --config flag; a wrong file or field ends with status 2, too."""
    try:
        check_config_flags(sys.argv[1:])
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT_STATUS)
    run_command(main, define_flags)


def check_config_flags(arguments: Sequence[str]) -> None:
    """Checks --config and the names of its overrides, before absl would fail on them with a traceback.

    Args:
        arguments: The command line without the program's name.

    Raises:
        InputError: no --config, a file that cannot be loaded, or an override of a field that it does not have.
    """
    if any(re.match(r"--?help", argument) for argument in arguments):
        return
    config = _load_without_overrides(arguments)
    known = dict(_fields(config))
    for argument in arguments:
        match = re.match(r"--?(?:no)?config\.([^=]+)", argument)
        if match and match[1] not in known:
            close = difflib.get_close_matches(match[1], known, n=1, cutoff=0.5)
            remedy = f"did you mean --config.{close[0]}?" if close else f"its fields are: {', '.join(known)}."
            raise InputError(f"the config has no field {match[1]!r}: {remedy}")


def _load_without_overrides(arguments: Sequence[str]) -> ConfigDict:
    path = None
    for position, argument in enumerate(arguments):
        if match := re.match(r"--?config=(.*)", argument):
            path = match[1]
        elif argument in ("--config", "-config") and position + 1 < len(arguments):
            path = arguments[position + 1]
    if not path:
        raise InputError("--config is not set: give a config file, for example --config=configs/base.py.")
    program = ["check", f"--config={path}"]
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, _HELP, flag_values=values, sys_argv=program)
    try:
        values(program)
        config = values["config"].value
        if isinstance(config, ConfigDict):
            return config
        # A failure to find the file is put off until the first access.
        config.task  # noqa: B018
    except (OSError, SyntaxError, ImportError, AttributeError) as error:
        raise InputError(f"cannot load --config={path}: {_first_line(error.__cause__ or error)}. "
                         "Check the path and the file.") from error
    raise InputError(f"--config={path}: get_config() returned {type(config).__name__}, not a ConfigDict.")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _fields(config: ConfigDict, prefix: str = ""):
    """Yields (dotted name, value) of every field, groups included: a whole group can be given as well."""
    for name, value in config.items():
        yield prefix + name, value
        if isinstance(value, ConfigDict):
            yield from _fields(value, f"{prefix}{name}.")
