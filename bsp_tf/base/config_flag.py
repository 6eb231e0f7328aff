"""The --config flag: a config file, each of its fields a flag, one clear line for a wrong one."""

import contextlib
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from bsp_tf.base.command_line import report_bad_input, run_command
from bsp_tf.base.errors import InputError, without_secrets

# What the Python code of a wrong file can raise.
_CONFIG_ERRORS = (
    OSError,
    SyntaxError,
    ImportError,
    NameError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    flags.Error,
)
_HELP = "Config file with get_config(). Each of its fields is a flag too: --config.FIELD=VALUE."


def define_config_flag() -> None:
    """Defines --config=FILE.py, and --config.FIELD=VALUE for each field of that file."""
    config_flags.DEFINE_config_file("config", None, _HELP)


def run_config_command(
    main: Callable[[Sequence[str]], int | None],
    define_flags: Callable[[], None],
    fields: Sequence[str] = (),
) -> None:
    """`run_command` for a command with the --config flag; a wrong file or field is status 2, too.

    Args:
        main, define_flags: As in `run_command`.
        fields: What only configs of this command have; see `check_config_flags`.
    """
    try:
        check_config_flags(sys.argv[1:], fields)
    except InputError as error:
        sys.exit(report_bad_input(error))
    run_command(main, define_flags)


def check_config_flags(arguments: Sequence[str], fields: Sequence[str] = ()) -> None:
    """Checks --config and the names of its overrides; absl would fail on them with a traceback.

    Args:
        arguments: The command line without the program's name.
        fields: Fields or groups that the config must have.

    Raises:
        InputError: no --config, a file that cannot be loaded or lacks one of `fields`, or an
            override of a field that it does not have.
    """
    if any(re.match(r"--?help", argument) for argument in arguments):
        return
    path = _config_path(arguments)
    config = _load_without_overrides(path)
    lacking = [name for name in fields if name not in config]
    if lacking:
        raise InputError(
            f"--config={path} is no config of this command: it has no field {lacking[0]!r}. See "
            "the command in the docstring of each file in configs/."
        )
    known = dict(_fields(config))
    for text in (*arguments, *(value for value in known.values() if isinstance(value, str))):
        if without_secrets(text) != text:
            raise InputError(
                f"{text}: what opens this address would stand in the workdir: fetch the file, and "
                "give its path."
            )
    for argument in arguments:
        match = re.match(r"--?(?:no)?config\.([^=]+)", argument)
        if match and match[1] not in known:
            close = difflib.get_close_matches(match[1], known, n=1, cutoff=0.5)
            remedy = (
                f"did you mean --config.{close[0]}?"
                if close
                else f"its fields are: {', '.join(known)}."
            )
            raise InputError(f"the config has no field {match[1]!r}: {remedy}")


def _config_path(arguments: Sequence[str]) -> str:
    path = None
    for position, argument in enumerate(arguments):
        if match := re.match(r"--?config=(.*)", argument):
            path = match[1]
        elif argument in ("--config", "-config") and position + 1 < len(arguments):
            path = arguments[position + 1]
    if not path:
        raise InputError(
            "--config is not set: give a config file, for example --config=configs/base.py."
        )
    return path


def _load_without_overrides(path: str) -> ConfigDict:
    # After a colon a file may be given an argument for its get_config.
    if not Path(path.partition(":")[0]).is_file():
        raise InputError(
            f"--config={path} is no file: check the path; the project's own configs are in its "
            "configs/."
        )
    program = ["check", f"--config={path}"]
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, _HELP, flag_values=values, sys_argv=program)
    try:
        values(program)
        config = values["config"].value
        if isinstance(config, ConfigDict):
            return config
        # A file that get_config() fails to read raises at the first access, not before.
        with contextlib.suppress(AttributeError):
            config.task  # noqa: B018
    except _CONFIG_ERRORS as error:
        raise InputError(
            f"cannot load --config={path}: {_first_line(_innermost(error))}. "
            "Check the path and the file."
        ) from error
    raise InputError(
        f"--config={path}: get_config() returned {type(config).__name__}, not a ConfigDict."
    )


def _innermost(error: BaseException) -> BaseException:
    """What the file itself raised; the parsers around it put a whole traceback in their message."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _fields(config: ConfigDict, prefix: str = ""):
    """Yields (dotted name, value) of every field; groups too, for they can be given whole."""
    for name, value in config.items():
        yield prefix + name, value
        if isinstance(value, ConfigDict):
            yield from _fields(value, f"{prefix}{name}.")
