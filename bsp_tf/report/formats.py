"""Numbers as the page writes them."""


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction as percent, or a dash for None.

    >>> percent(0.50014), percent(0.5, digits=1), percent(None)
    ('50.01', '50.0', '–')
    """
    return "–" if value is None else f"{100 * value:.{digits}f}"


def signed(value: float, digits: int) -> str:
    """A number with its sign, the minus as typographers write it.

    >>> signed(1.234, 1), signed(-1.234, 2)
    ('+1.2', '−1.23')
    """
    return f"{value:+.{digits}f}".replace("-", "−")
