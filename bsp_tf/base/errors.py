"""The one exception for mistakes that the user can mend."""


class InputError(ValueError):
    """Bad input from the user: a path, a flag, a file's contents.

    The message is one line that says what was wrong, in which file, and what to do. Commands print
    it without a traceback and exit with status 2 (`bsp_tf.base.command_line`); library callers
    catch it like any ValueError.
    """
