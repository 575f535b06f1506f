"""portald as systemd has it: the sockets belong to somebody who stays, and each portald is started with them in
hand. The way in is Holder(box): it takes the place of the sandbox's own portald."""

import os
import signal
import socket
import time
from pathlib import Path

NAMES = ("api", "account", "web", "print", "control")
FIRST_FD = 3
HIGH_FD = 900
BACKLOG = 4096
END_SECONDS = 30
KEPT = ("PATH", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
# LISTEN_PID is the process's own id, which only itself knows before it runs.
START = 'export LISTEN_PID=$$; exec "$@"'


class Holder:
    def __init__(self, box, wrap=()):
        self.box, self.wrap = box, wrap
        self.conf = Path(box["PORTALD_CONF"])
        self.log = Path(box["PORTALD_LOG"])
        self.program = self._program(Path(box["PORTAL_BUILD"]))
        box.stop("portald")
        self.sockets = [self._listen(Path(box["PORTAL_SOCKET_DIR"]) / f"{name}.sock") for name in NAMES]
        self.start()
        self.wait()

    @staticmethod
    def _program(build):
        real = build / "portald" / ".libs" / "portald"
        return real if real.exists() else build / "portald" / "portald"

    @staticmethod
    def _listen(path):
        path.unlink(missing_ok=True)
        s = socket.socket(socket.AF_UNIX)
        s.bind(str(path))
        s.listen(BACKLOG)
        return s

    def start(self):
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"LISTEN_FDS": str(len(NAMES)), "LISTEN_FDNAMES": ":".join(NAMES)}
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 1, str(self.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                   (os.POSIX_SPAWN_DUP2, 1, 2)]
        # By way of numbers that nothing else has.
        actions += [(os.POSIX_SPAWN_DUP2, s.fileno(), HIGH_FD + i) for i, s in enumerate(self.sockets)]
        actions += [(os.POSIX_SPAWN_DUP2, HIGH_FD + i, FIRST_FD + i) for i in range(len(self.sockets))]
        actions += [(os.POSIX_SPAWN_CLOSE, HIGH_FD + i) for i in range(len(self.sockets))]
        command = ["/bin/sh", "-c", START, "sh", *self.wrap, self.program, "--config", self.conf]
        self.process_id = os.posix_spawn("/bin/sh", [str(word) for word in command], environment, file_actions=actions)
        self.status = None

    def wait(self, seconds=30):
        """Until it answers."""
        end = time.monotonic() + seconds
        while self.box.ctl("status").returncode != 0:
            assert not self.ended(), self.tail()
            assert time.monotonic() < end, f"portald doesn't answer: {self.tail()}"
            time.sleep(0.02)

    def ended(self):
        """Whether it has; its status, negative for a signal, is then in .status."""
        if self.status is None:
            done, status = os.waitpid(self.process_id, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if done else None
        return self.status is not None

    def send(self, number):
        if not self.ended():
            os.kill(self.process_id, number)

    def end(self, number=signal.SIGTERM, seconds=END_SECONDS):
        """Ends it and returns its status; None when it hasn't ended after so long."""
        self.send(number)
        end = time.monotonic() + seconds
        while not self.ended() and time.monotonic() < end:
            time.sleep(0.005)
        return self.status

    def restart(self, number):
        """As Restart=always does."""
        status = self.end(number)
        self.start()
        return status

    def tail(self, lines=20):
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def close(self):
        if self.end() is None:
            self.end(signal.SIGKILL)
        for s in self.sockets:
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
