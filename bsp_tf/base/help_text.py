"""What --help and --helpfull show of a command: one screen, or all there is."""

from collections.abc import Sequence

from absl import flags

LINES, COLUMNS = 40, 100
# A longer default would take the place of the words that explain the flag.
_LONGEST_VALUE = 20
_CLOSING = "--helpfull shows the whole description of the command and of each flag."


def asked_help(arguments: Sequence[str]) -> str | None:
    """The flag among `arguments` that asks for help: "help" or "helpfull"; None without one."""
    for argument in arguments:
        if argument == "--":
            break
        if argument in ("--helpfull", "-helpfull"):
            return "helpfull"
        if argument in ("--help", "-help", "--helpshort", "-helpshort", "-h", "-?"):
            return "help"
    return None


def short_help(docstring: str, own_flags: Sequence[flags.Flag]) -> str:
    """The first paragraphs of a docstring and a line for each flag, within LINES x COLUMNS.

    Args:
        docstring: Of the command's module, with lines of at most COLUMNS.
        own_flags: What the command defines.
    """
    usages = [_usage(flag) for flag in own_flags]
    width = max(map(len, usages), default=0)
    rows = [
        _cut(f"  {usage:<{width}}  {' '.join((flag.help or '').split())}")
        for usage, flag in zip(usages, own_flags, strict=True)
    ]
    end = ["", "flags:", *rows, "", _CLOSING]
    head: list[str] = []
    for paragraph in docstring.strip().split("\n\n"):
        longer = [*head, "", *paragraph.split("\n")] if head else paragraph.split("\n")
        if len(longer) + len(end) > LINES:
            break
        head = longer
    return "\n".join([*head, *end])


def full_help(docstring: str, own_flags: Sequence[flags.Flag]) -> str:
    """The whole docstring, and each flag with its whole text, its values and its default.

    absl's own flags, for logging and the like, are no part of it: `--helpxml` has them.
    """
    values = flags.FlagValues()
    for flag in own_flags:
        values[flag.name] = flag
    return f"{docstring.strip()}\n\nflags:\n{values.get_help()}"


def _usage(flag: flags.Flag) -> str:
    if flag.boolean:
        return f"--[no]{flag.name}"
    value = "" if flag.default is None else str(flag.default)
    return f"--{flag.name}={value if 0 < len(value) <= _LONGEST_VALUE else 'VALUE'}"


def _cut(line: str) -> str:
    if len(line) <= COLUMNS:
        return line
    return f"{line[: COLUMNS - 3].rpartition(' ')[0]} ..."
