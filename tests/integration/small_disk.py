"""portald's queue on a small file system of its own that a test can fill. The way in is small_disk()."""

import contextlib
import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest
from customer import wait_for

BLOCK = 4096


class SmallDisk:
    def __init__(self, place):
        self.queue, self.filler = place / "queue.db", place / "filler"

    def is_idle(self):
        """The log is cut off when nobody needs the queue; what it held is free room then."""
        log = Path(f"{self.queue}-wal")
        return not log.exists() or log.stat().st_size == 0

    def fill(self, leave=0):
        """Until nothing fits, then gives so many bytes back."""
        wait_for(self.is_idle, what="an empty log")
        with open(self.filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(BLOCK))
            except OSError as error:
                assert error.errno == errno.ENOSPC
        os.truncate(self.filler, self.filler.stat().st_size - leave)

    def free(self):
        self.filler.unlink()


@contextlib.contextmanager
def small_disk(box, held):
    place = box.parent / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", place], capture_output=True, text=True,
                             check=False)
    if mounted.returncode != 0:
        place.rmdir()
        pytest.skip(f"no small file system to fill: {mounted.stderr.strip() or 'mount failed'}")
    drop_in = Path(f"{held.conf}.d") / "50-small.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text(f"[queue]\nfile = {place}/queue.db\n")
    try:
        held.restart(signal.SIGTERM)
        held.wait()
        yield SmallDisk(place)
    finally:
        drop_in.unlink()
        held.restart(signal.SIGTERM)
        held.wait()
        subprocess.run(["umount", place], check=True)
        place.rmdir()
