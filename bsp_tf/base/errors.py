"""The one exception for mistakes that the user can mend, whose message holds no secret."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator

# What follows "?" in the address of a file may be a signature that opens it to anybody; what stands
# before "@" is a name and a password. Signs at the end belong to the sentence.
_QUERY = re.compile(r"(https?://[^\s?'\"<>]*)\?(?!\.\.\.)[^\s'\"<>]*?(?=[.,:;)\]]*(?:[\s'\"<>]|$))")
_USER = re.compile(r"(\w://)(?!\.\.\.@)[^\s/@'\"]+@")
# Ends of lines of all kinds, and what moves the cursor of a terminal or changes its colours.
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")


def without_secrets(text: str) -> str:
    """A text as it may stand in messages, logs and files: addresses without what opens them.

    >>> without_secrets("cannot read https://host/a.mp4?signature=abc: gone")
    'cannot read https://host/a.mp4?...: gone'
    """
    if "://" not in text:
        return text  # at once: there may be ten million paths
    return _USER.sub(r"\1...@", _QUERY.sub(r"\1?...", text))


def on_one_line(text: str) -> str:
    """A text with the control characters of names and values that it repeats written as escapes.

    >>> on_one_line("no class 'jump\\n\\x1b[2J'")
    "no class 'jump\\\\n\\\\x1b[2J'"
    """
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


class InputError(ValueError):
    """Bad input from the user: a path, a flag, a file's contents.

    The message is one line that says what was wrong, in which file, and what to do. Commands print
    it without a traceback and exit with status 2 (`bsp_tf.base.command_line`); library callers
    catch it like any ValueError.
    """

    def __init__(self, message: str) -> None:
        super().__init__(on_one_line(without_secrets(message)))


@contextlib.contextmanager
def cannot_read(
    what: str | os.PathLike,
    advice: Callable[[Exception], str] = lambda error: "",
    verb: str = "read",
) -> Iterator[None]:
    """Turns whatever a library raises while it reads one file into an InputError.

    A damaged file leads a reader's code to errors that its authors did not foresee.

    Args:
        what: The file, for the message.
        advice: What to do about an error; "" for nothing.
        verb: What cannot be done.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        reason = reason.rstrip(". ") or type(error).__name__
        raise InputError(f"cannot {verb} {what}: {reason}. {advice(error)}".rstrip()) from error
