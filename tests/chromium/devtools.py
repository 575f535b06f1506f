"""Talks to a Chromium of our own in its DevTools protocol, on a pair of pipes: no port, no driver in between.

The way in is Devtools(directory): one process with a fresh profile. call() waits for the answer, and whatever
Chromium reports meanwhile goes to the listener of its session. One thread only."""

import fcntl
import json
import os
import select
import signal
import time

PROGRAM = "/usr/bin/chromium"
SECONDS = 30
END_SECONDS = 10
READ_BYTES = 1 << 16
LOW_DESCRIPTORS = 10
# Names below example.org are this computer, and no other name is found: what would go out fails visibly.
NAMES = "MAP *.example.org 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
# Nothing that would go out to the network or that a container lacks.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
           "--disable-default-apps", "--disable-breakpad", "--disable-client-side-phishing-detection",
           "--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication",
           "--password-store=basic", "--use-mock-keychain", "--no-proxy-server", "--lang=en-US",
           "--window-size=1280,900", "--font-render-hinting=none", "--remote-debugging-pipe",
           f"--host-resolver-rules={NAMES}")


class DevtoolsError(AssertionError):
    """Chromium refused a command, or did not answer."""


def _pipe():
    """Both ends above the numbers that Chromium wants them at, and not inherited by others."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, LOW_DESCRIPTORS) for end in ends]
    for end in ends:
        os.close(end)
    return moved


class Devtools:
    def __init__(self, directory, options=()):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        theirs_in, self.out = _pipe()
        self.into, theirs_out = _pipe()
        self.data, self.next_id, self.answers, self.listeners = bytearray(), 0, {}, {}
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8", "TMPDIR": str(directory)}
        log = str(directory / "chromium.log")
        self.process_id = os.posix_spawn(
            PROGRAM, [PROGRAM, *OPTIONS, *options, f"--user-data-dir={directory}/profile"], environment, setsid=True,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                          (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                          (os.POSIX_SPAWN_DUP2, 1, 2), (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                          (os.POSIX_SPAWN_DUP2, theirs_out, 4)])
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            self.version = self.call("Browser.getVersion")
        except BaseException:
            self.close()
            raise

    def close(self):
        """Ends it, and everything that it started."""
        if self.process_id is None:
            return
        os.close(self.out)
        os.close(self.into)
        deadline = time.monotonic() + END_SECONDS
        while not self._ended():
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        # Its helpers are in the session that was made for it; there may be none left.
        try:
            os.killpg(self.process_id, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if not self._ended():
            os.waitpid(self.process_id, 0)
        self.process_id = None

    def _ended(self):
        try:
            return os.waitpid(self.process_id, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    def listen(self, session, listener):
        """listener(method, params) is called for what the session reports; None ends that."""
        if listener:
            self.listeners[session] = listener
        else:
            self.listeners.pop(session, None)

    def send(self, method, session=None, **params):
        """Without waiting for the answer, whose number it returns; a refusal goes unnoticed."""
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = memoryview(json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(self.out, data):]
        return self.next_id

    def call(self, method, session=None, **params):
        number = self.send(method, session, **params)
        self.answers[number] = None
        self.wait(lambda: self.answers[number] is not None, f"the answer to {method}")
        answer = self.answers.pop(number)
        if "error" in answer:
            raise DevtoolsError(f"{method}: {answer['error'].get('message')}")
        return answer.get("result", {})

    def wait(self, look, what, seconds=SECONDS):
        """Takes in reports until look() returns something, which it returns."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise DevtoolsError(f"{what} did not come within {seconds} s")
            self.take(left)

    def take(self, seconds=0):
        """Takes in what is reported within that time; returns at the first that there is."""
        if not select.select([self.into], [], [], seconds)[0]:
            return
        data = os.read(self.into, READ_BYTES)
        if not data:
            raise DevtoolsError("Chromium has ended")
        self.data += data
        if 0 not in data:
            return
        *messages, rest = self.data.split(b"\0")
        self.data = bytearray(rest)
        for message in messages:
            self._dispatch(json.loads(message))

    def _dispatch(self, message):
        if "id" in message:
            if message["id"] in self.answers:
                self.answers[message["id"]] = message
            return
        listener = self.listeners.get(message.get("sessionId"))
        if listener:
            listener(message["method"], message.get("params", {}))
