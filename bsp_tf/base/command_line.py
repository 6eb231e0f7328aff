"""How every command starts and how it ends when the user's input was wrong."""

import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from bsp_tf.base.errors import InputError

BAD_INPUT_STATUS = 2
INTERRUPTED_STATUS = 130


def run_command(main: Callable[[Sequence[str]], int | None], define_flags: Callable[[], None]) -> None:
    """Defines and parses absl flags and runs `main(argv)`; the process exits with what `main` returns (None is 0).

    Flags are defined here, not when a command's module is imported: absl's flags are global, and a program that
    imports two commands would find --output defined twice.

    An InputError becomes one line on stderr and exit status 2, Ctrl-C a line and status 130: no traceback for
    what is no fault of the program. Every other exception keeps its traceback.
    """

    def guarded(argv: Sequence[str]) -> int | None:
        # Keras turns absl's INFO level on, and TensorFlow then writes into the progress bars at each checkpoint.
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        try:
            if len(argv) > 1:
                raise InputError(f"unexpected argument {argv[1]!r}: flags are written --name=value (see --help).")
            return main(argv)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            return BAD_INPUT_STATUS
        except KeyboardInterrupt:
            print("interrupted; run the same command again to continue.", file=sys.stderr)
            return INTERRUPTED_STATUS

    define_flags()
    app.run(guarded)
