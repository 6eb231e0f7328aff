"""How every command starts and how it ends when the user's input was wrong."""

import os
import sys
from collections.abc import Callable, Sequence

from absl import app

from bsp_tf.base.errors import InputError

BAD_INPUT_STATUS = 2
INTERRUPTED_STATUS = 130


def run_command(main: Callable[[Sequence[str]], int | None]) -> None:
    """Parses absl flags and runs `main(argv)`; the process exits with what `main` returns (None is 0).

    An InputError becomes one line on stderr and exit status 2, Ctrl-C a line and status 130: no traceback for
    what is no fault of the program. Every other exception keeps its traceback.
    """
    # TensorFlow's start-up notices would bury the one line that matters. A user's own setting wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def guarded(argv: Sequence[str]) -> int | None:
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

    app.run(guarded)
