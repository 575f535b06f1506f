"""Ends a running process by SIGKILL at its n-th step: the moment before the n-th call, counted over all its threads, that
others can see the effect of (SEEN). The way in is Steps(process_id, n); run as a program it is the tracer.

strace counts for each thread by itself and from the start on; this counts from when it is told to, so that a step is one of
what is being looked at. The process is the real one, and knows nothing of it."""

import ctypes
import os
import platform
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
    "clone": (56, 220), "vfork": (58, None), "clone3": (435, 435),
}
ON_FILE = {"write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "sendto", "sendmsg"}

GET_MESSAGE, SEIZE, INTERRUPT, LISTEN, SYSCALL_INFO = 0x4201, 0x4206, 0x4207, 0x4208, 0x420e
SYSCALL = 24
OPTIONS = 0x1 | 0x8  # SYSGOOD, TRACECLONE
EVENT_CLONE, EVENT_STOP = 3, 128
ENTERS = 1
WALL = 0x40000000
STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


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
    def __init__(self, process_id, n):
        column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
        self.names = {numbers[column]: name for name, numbers in SEEN.items()}
        self.process_id, self.n, self.count, self.done = process_id, n, 0, False
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
        os.write(1, text.encode() + b"\n")

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
        if size < 40 or self.info.raw[0] != ENTERS:
            return
        number, first = struct.unpack_from("QQ", self.info.raw, 24)
        if number not in self.names:
            return
        self.count += 1
        self.say(self.label(thread, self.names[number], first))
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
            number = 0
        self.ask(SYSCALL, thread, None, number)

    def run(self):
        """Returns 0 once the process was killed at its step, 1 when it ended by itself."""
        self.seize()
        self.say("ready")
        while True:
            try:
                thread, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return 0 if self.done else 1
            if os.WIFSTOPPED(status) and not self.done:
                self.go_on(thread, status)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(Tracer(int(sys.argv[1]), int(sys.argv[2])).run())
