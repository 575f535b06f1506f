"""Starting, awaiting and ending the sandbox's processes, by their ids only."""

import os
import signal
import socket
import time
from pathlib import Path

from . import SandboxError

READY_SECONDS = 60
END_SECONDS = 20
LOG_TAIL_LINES = 25
BACKLOG = 1024
FIRST_LISTENER = 3
# LISTEN_PID is the process's own id, which only itself knows before it runs.
OWN_ID = 'export LISTEN_PID=$$; exec "$@"'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listen(port=0):
    """A socket that listens on loopback; port 0 takes a free one."""
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SandboxError(f"port {port} isn't free any more: {error}") from error
    return listening


def write_private(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def start(command, log, environment=None, listener=None):
    """Starts command apart from this session, its output appended to log; returns its id. A listener
    (a name and a socket) is handed over as systemd does it (sd_listen_fds(3))."""
    environment = dict(os.environ if environment is None else environment)
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
               (os.POSIX_SPAWN_DUP2, 1, 2)]
    if listener:
        name, listening = listener
        environment |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": name}
        actions.append((os.POSIX_SPAWN_DUP2, listening.fileno(), FIRST_LISTENER))
        command = ["/bin/sh", "-c", OWN_ID, "sh", *command]
    return os.posix_spawnp(command[0], command, environment, file_actions=actions, setsid=True,
                           setsigdef=(signal.SIGPIPE, signal.SIGXFSZ))


def alive(process_id):
    """Whether it runs; what has ended and is our own child is reaped on the way."""
    try:
        os.waitpid(process_id, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def started(process_id):
    """When it started, in ticks since boot, to tell it from a later process of the same id."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def end(process_id, patience=END_SECONDS):
    """Asks it to end, and makes it after patience seconds."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        if not alive(process_id):
            return
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while alive(process_id) and time.monotonic() < deadline:
            time.sleep(0.01)


def log_tail(log):
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"


def wait_for(name, process_id, answers, log, seconds=READY_SECONDS):
    """Returns once answers() is true; when it doesn't come to that, says why with the log's end."""
    deadline = time.monotonic() + seconds
    while not answers():
        if process_id is not None and not alive(process_id):
            raise SandboxError(f"{name} ended before it answered. {log}:\n{log_tail(log)}")
        if time.monotonic() > deadline:
            raise SandboxError(f"{name} doesn't answer after {seconds} s. {log}:\n{log_tail(log)}")
        time.sleep(0.02)


def age(process_id):
    """Seconds since it started; 0 when it has ended."""
    ticks = started(process_id)
    if ticks is None:
        return 0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")
