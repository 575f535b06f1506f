"""One portald more on the same directory, with sockets, queue and tables of its own. The way in is Another(box)."""

import os
import signal
import subprocess
import time
from pathlib import Path

from socket_holder import Holder
from wire import Portald


class Another:
    def __init__(self, box):
        self.dir = Path(box.dir) / "another"
        for name in ("run", "queue"):
            (self.dir / name).mkdir(parents=True)
        text = Path(box["PORTALD_CONF"]).read_text(encoding="utf-8")
        for name in ("run", "queue"):
            text = text.replace(f"{box.dir}/{name}", f"{self.dir}/{name}")
        conf = self.dir / "portald.conf"
        conf.write_text(text, encoding="utf-8")
        self.log = open(self.dir / "portald.log", "ab")
        program = Holder._program(Path(box["PORTAL_BUILD"]))
        self.process = subprocess.Popen([program, "--config", conf], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=dict(os.environ))
        self.portald = Portald(self.dir / "run")
        self._wait()

    def _wait(self, seconds=30):
        end = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None and time.monotonic() < end, (self.dir / "portald.log").read_text()
            try:
                self.portald.control("status")
                return
            except OSError:
                time.sleep(0.05)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
