"""How large a picture may be: some hundred bytes can claim gigabytes of pixels.

Looked up before pixels are decoded wherever a header tells the size: videos, records, SavedModels.
"""

# A frame of 8K (8192 x 4320) has 35 million pixels. As float32 this many take 480 MB.
MOST_PIXELS = 40_000_000
# The short side is scaled to a fixed length, the long side along with it.
MOST_ASPECT = 32


def size_fault(height: int, width: int) -> str | None:
    """What is wrong with frames of this size, in pixels; None: nothing.

    >>> size_fault(30000, 1)
    'a frame of 1 x 30000 pixels; one side may be at most 32 times the other'
    """
    if height * width > MOST_PIXELS:
        return f"a frame of {width} x {height} pixels; at most {MOST_PIXELS} are decoded"
    if max(height, width) > MOST_ASPECT * min(height, width):
        return (
            f"a frame of {width} x {height} pixels; one side may be at most {MOST_ASPECT} times "
            "the other"
        )
    return None
