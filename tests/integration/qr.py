"""Reads QR codes as a phone's camera would: off a terminal's screen by read(lines), off a picture by decode(path)."""

import subprocess

# The two modules that a character shows, upper and lower: whether each is drawn.
BLOCKS = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
MODULE_PIXELS = 6
MARGIN_MODULES = 8


def lines_of(screen):
    """The lines of a screen that draw: those made of blocks and blanks alone."""
    found = [line for line in screen.split("\n") if line.strip() and set(line) <= set(BLOCKS)]
    assert found, f"no QR code on the screen:\n{screen}"
    return found


def picture(lines):
    """A grey picture (PGM) of what a dark terminal shows: drawn modules are light, all else is dark, and the
    code's own light border is part of what is drawn."""
    width = max(map(len, lines))
    rows = []
    for line in lines:
        both = [BLOCKS[character] for character in line.ljust(width)]
        rows += [[upper for upper, _ in both], [lower for _, lower in both]]
    margin = [0] * MARGIN_MODULES
    across = width + 2 * MARGIN_MODULES
    rows = [[0] * across] * MARGIN_MODULES + [margin + row + margin for row in rows] + [[0] * across] * MARGIN_MODULES
    pixels = b"".join(bytes(255 * module for module in row for _ in range(MODULE_PIXELS)) * MODULE_PIXELS
                      for row in rows)
    return b"P5 %d %d 255\n" % (across * MODULE_PIXELS, len(rows) * MODULE_PIXELS) + pixels


def decode(path):
    """What the picture's one QR code says, or None."""
    done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path], capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def read(lines, directory):
    path = directory / "qr.pgm"
    path.write_bytes(picture(lines))
    found = decode(path)
    path.unlink()
    assert found, "no QR code can be read in:\n" + "\n".join(lines)
    return found
