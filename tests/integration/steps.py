"""Ends a running process by SIGKILL at its n-th step: the moment before the n-th call, counted over all its threads, that
others can see the effect of (SEEN). Ways in: Steps(process_id, n) for a process that runs, command(n) before a program's own
words to start one. Run as a program this is the tracer; what is traced is the real thing, and knows nothing of it.

strace's inject=…:when=N counts for each thread and for each kind of call by itself: the third write ends the process, not the
third step."""

import ctypes
import os
import platform
import random
import re
import select
import signal
import struct
import subprocess
import sys
import time

NEVER = 0
# By name: the numbers of x86_64 and of aarch64, which lacks some.
SEEN = {
    "write": (1, 64), "pwrite64": (18, 68), "writev": (20, 66), "sendto": (44, 206), "sendmsg": (46, 211),
    "fsync": (74, 82), "fdatasync": (75, 83), "ftruncate": (77, 46), "rename": (82, None), "unlink": (87, None),
    "unlinkat": (263, 35), "renameat": (264, 38), "renameat2": (316, 276), "connect": (42, 203), "shutdown": (48, 210),
    "openat": (257, 56), "link": (86, None), "linkat": (265, 37), "mkdir": (83, None), "mkdirat": (258, 34),
    "sync_file_range": (277, 84), "clone": (56, 220), "vfork": (58, None), "clone3": (435, 435),
}
ON_FILE = {"write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "sendto", "sendmsg"}

GET_MESSAGE, SEIZE, INTERRUPT, LISTEN, SYSCALL_INFO = 0x4201, 0x4206, 0x4207, 0x4208, 0x420e
SYSCALL = 24
OPTIONS = 0x1 | 0x8 | 0x10  # SYSGOOD, TRACECLONE, TRACEEXEC
EVENT_EXEC, EVENT_STOP = 4, 128
SET_PTRACER, ANYBODY = 0x59616d61, ctypes.c_ulong(-1)
ENTERS = 1
WALL = 0x40000000
STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def command(n, log="/dev/null", every=False):
    """What comes before a program and its arguments: it keeps its process id and ends by SIGKILL at its n-th step. The file
    log then has its steps. every: each system call is a step."""
    return [sys.executable, "-B", "-S", "-E", __file__, "--run-every" if every else "--run", str(n), str(log)]


def numbers(most, stride=3):
    """Steps to kill a program at, one after the other until it has no more: every third one or as stride says, which
    by chance; with PORTAL_KILLS=all in the environment every one."""
    if os.environ.get("PORTAL_KILLS") == "all":
        stride = 1
    return range(random.randint(1, stride), most, stride)


class Steps:
    """Tracing from when it is made until close(). n: where to kill; NEVER: only count."""

    def __init__(self, process_id, n=NEVER):
        self.found, self.killed, self.rest = [], False, b""
        self.process = subprocess.Popen([sys.executable, "-B", "-S", "-E", __file__, str(process_id), str(n)],
                                        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not self.ready:
            assert self.look(0.5) or time.monotonic() < end, "the tracer doesn't come up"

    @property
    def ready(self):
        return self.found[:1] == ["ready"]

    @property
    def steps(self):
        """What each step so far was: "thread call file"."""
        return self.found[1:]

    def look(self, seconds=0.0):
        """Takes in what the tracer has to say. False when there was nothing for so long."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            self.killed = self.process.wait() == 0
            return False
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        self.found += [line.decode() for line in lines]
        return True

    def ended(self):
        """Whether the process has been killed, or has gone."""
        self.look()
        return self.process.poll() is not None

    def wait_until_quiet(self, seconds):
        """Until there was no step for so long, or it was killed. Returns whether it was."""
        while not self.ended() and self.look(seconds):
            pass
        return self.ended()

    def close(self):
        """Lets the process go on alone."""
        self.process.terminate()
        while self.look(1):
            pass
        self.process.wait()
        self.process.stdout.close()
        return self.steps

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# The tracer ---------------------------------------------------------------------------------------

class Tracer:
    def __init__(self, process_id, n, log=1, counting=True, every=False):
        column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
        self.names = {numbers[column]: name for name, numbers in SEEN.items()}
        self.process_id, self.n, self.count, self.done = process_id, n, 0, False
        self.log, self.counting, self.every = log, counting, every  # not counting: not before it runs a program
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long
        self.info = ctypes.create_string_buffer(88)

    def ask(self, request, thread, address=None, data=None):
        return self.libc.ptrace(request, thread, address, data)

    def threads(self):
        return {int(name) for name in os.listdir(f"/proc/{self.process_id}/task")}

    def seize(self):
        """All threads, those among them that begin meanwhile."""
        seized = set()
        while new := self.threads() - seized:
            for thread in new:
                if self.ask(SEIZE, thread, None, OPTIONS) < 0 and thread == self.process_id:
                    raise OSError(ctypes.get_errno(), f"process {thread} can't be traced")
                self.ask(INTERRUPT, thread)
            seized |= new

    def say(self, text):
        os.write(self.log, text.encode() + b"\n")

    def label(self, thread, name, argument):
        try:
            with open(f"/proc/{thread}/comm", encoding="ascii") as file:
                label = f"{file.read().strip()} {name}"
            if name in ON_FILE:
                label += " " + re.sub(r"\d+", "", os.readlink(f"/proc/{self.process_id}/fd/{argument}").rpartition("/")[2])
        except OSError:
            return name
        return label

    def see(self, thread):
        """A thread enters or leaves a call."""
        size = self.ask(SYSCALL_INFO, thread, len(self.info), ctypes.addressof(self.info))
        if not self.counting or size < 40 or self.info.raw[0] != ENTERS:
            return
        number, first, _, third = struct.unpack_from("QQQQ", self.info.raw, 24)
        name = self.names.get(number)
        if not self.every and (not name or name == "openat" and not third & os.O_CREAT):
            return
        self.count += 1
        self.say(self.label(thread, name or f"call {number}", first))
        if self.count == self.n:
            os.kill(self.process_id, signal.SIGKILL)
            self.done = True

    def go_on(self, thread, status):
        number, event = os.WSTOPSIG(status), status >> 16
        if number == signal.SIGTRAP | 0x80:
            self.see(thread)
            number = 0
        elif event == EVENT_STOP and number in STOPS:
            self.ask(LISTEN, thread)
            return
        elif event:
            self.counting = self.counting or event == EVENT_EXEC
            number = 0
        self.ask(SYSCALL, thread, None, number)

    def run(self):
        """A process that runs already."""
        self.seize()
        self.say("ready")
        return self.trace()

    def trace(self):
        """Returns 0 once the process was killed at its step, 1 when it ended by itself."""
        while True:
            try:
                thread, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return 0 if self.done else 1
            if os.WIFSTOPPED(status) and not self.done:
                self.go_on(thread, status)


def run(n, log, words, every):
    """Becomes a program, with a tracer beside it that isn't its child."""
    me, (ready, begun) = os.getpid(), os.pipe()
    ctypes.CDLL(None).prctl(SET_PTRACER, ANYBODY, 0, 0, 0)
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        os.close(begun)
        os.read(ready, 1)
        # A sanitizer that looks for leaks traces, too, and there is room for one.
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        os.execv(words[0], words)
    if os.fork():
        os._exit(0)
    tracer = Tracer(me, n, os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), counting=False, every=every)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)  # whoever waits for the program's end of a pipe doesn't wait for us
    tracer.seize()
    os.close(begun)
    return tracer.trace()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.argv[1].startswith("--run"):
        sys.exit(run(int(sys.argv[2]), sys.argv[3], sys.argv[4:], sys.argv[1] == "--run-every"))
    sys.exit(Tracer(int(sys.argv[1]), int(sys.argv[2])).run())
