"""How every command starts and how it ends when the user's input was wrong."""

import io
import math
import os
import re
import select
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from bsp_tf.base.errors import InputError
from bsp_tf.base.help_text import asked_help, full_help, short_help
from bsp_tf.base.interrupt import answer_interrupts

BAD_INPUT_STATUS = 2
# What a shell says of a program that SIGPIPE has ended.
CLOSED_OUTPUT_STATUS = 141

# What the C library says of a shared object for which there is no address space.
NO_ROOM = "failed to map segment"


def run_command(
    main: Callable[[Sequence[str]], int | None],
    define_flags: Callable[[], None],
    most_arguments: int | None = 0,
) -> None:
    """Defines and parses absl flags, runs `main(argv)` and exits with what it returns (None is 0).

    Arguments that are no flags stand in argv[1:]; more than `most_arguments` (None: any
    number) are an error.

    Flags are defined here, not when a command's module is imported: absl's flags are global, and a
    program that imports two commands would find --output defined twice.

    An InputError, a wrong flag and too little memory become one line on stderr and exit status 2,
    Ctrl-C a line and status 130 (see `interrupt`), a reader of the output that is gone (`| head`)
    status 141: no traceback for what is no fault of the
    program. Every other exception keeps its traceback.

    Flags are parsed, and --help is answered, before `main` runs. So a command's module imports
    inside its functions whatever takes long to load, TensorFlow above all: a mistyped flag is told
    at once.
    """

    def guarded(argv: Sequence[str]) -> int | None:
        # Keras turns absl's INFO level on, and TensorFlow then writes into the progress bars at
        # each checkpoint.
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        try:
            if sys.getfilesystemencoding() == "ascii":
                # Only where it is forced: Python would spell é in a file's name as two escapes.
                raise InputError(
                    "Python takes the names of files for ASCII here: set PYTHONUTF8=1, or choose a "
                    "locale in UTF-8 (LC_ALL=C.UTF-8)."
                )
            if most_arguments is not None and len(argv) > 1 + most_arguments:
                first = argv[1 + most_arguments]
                raise InputError(
                    f"unexpected argument {first!r}: flags are written --name=value (see --help)."
                )
            status = main(argv)
            sys.stdout.flush()
            return status
        except InputError as error:
            return report_bad_input(error)
        except MemoryError as error:
            # NumPy says how much it asked for.
            wanted = f" ({error})" if str(error) else ""
            return report_bad_input(
                InputError(f"there is not enough memory{wanted}: use a machine with more of it.")
            )
        except ImportError as error:
            if NO_ROOM not in str(error):
                raise
            return report_bad_input(
                InputError(
                    f"there is not enough memory to load a library ({error}): TensorFlow needs "
                    "about 3 GB of address space; see what `ulimit -v` leaves it."
                )
            )
        except BrokenPipeError:
            if not _output_is_closed():
                raise
            return _leave_output()

    answer_interrupts()
    # Whoever watches a log file sees each line at once, among those of the standard error.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    before = set(flags.FLAGS)
    define_flags()
    # absl shows the whole docstring and ends with status 1.
    if wanted := asked_help(sys.argv[1:]):
        docstring = sys.modules[main.__module__].__doc__ or ""
        own = [flags.FLAGS[name] for name in flags.FLAGS if name not in before]
        try:
            print(short_help(docstring, own) if wanted == "help" else full_help(docstring, own))
        except BrokenPipeError:
            sys.exit(_leave_output())
        sys.exit()
    app.run(guarded, flags_parser=_parse_flags)


def report_bad_input(error: InputError) -> int:
    """Prints the one line and returns the exit status."""
    print(f"error: {error}", file=sys.stderr)
    return BAD_INPUT_STATUS


def _output_is_closed() -> bool:
    """Whether nobody reads the standard output any more."""
    poll = select.poll()
    poll.register(1, select.POLLOUT)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _leave_output() -> int:
    """Lets Python's last flush succeed; returns the exit status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return CLOSED_OUTPUT_STATUS


def _parse_flags(argv: Sequence[str]) -> list[str]:
    """absl's parser, but a wrong flag ends with our line and status (absl: two lines, status 1)."""
    try:
        arguments = flags.FLAGS(argv)
        _refuse_flags_without_a_value()
        return arguments
    except flags.Error as error:
        sys.exit(report_bad_input(InputError(_explain(str(error)))))
    except InputError as error:
        sys.exit(report_bad_input(error))


def _explain(text: str) -> str:
    unset = re.match(r"flag --(\w+)=None: ", text)
    if unset:
        return f"--{unset[1]} is not set: add --{unset[1]}=VALUE (see --help)."
    return f"{' '.join(text.split()).rstrip('. ')} (see --help)."


def _refuse_flags_without_a_value() -> None:
    """Refuses nan, which no bound keeps out, and an empty path: often an unset shell variable.

    Of a path the current folder would be taken.
    """
    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if isinstance(flag.value, float) and math.isnan(flag.value):
            raise InputError(f"--{name}=nan is no number: give one, or leave it out.")
        if flag.present and flag.value == "" and "." not in name and flag.flag_type() == "string":
            raise InputError(
                f"--{name} is empty (an unset shell variable?): give --{name}=VALUE, or leave it "
                "out."
            )
