"""An application that logs people in through libpam, a step at a time.

Tests use Application, several() and one(). As a program it is what Application runs: a process of its own, so that
the module meets a fresh one each time, and so that a module with sanitizers finds their library first.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field

STEPS = {
    "authenticate": ("pam_authenticate", 0),
    "setcred": ("pam_setcred", 2),
    "account": ("pam_acct_mgmt", 0),
    "change": ("pam_chauthtok", 0),
    "change-expired": ("pam_chauthtok", 0x20),
    "open": ("pam_open_session", 0),
    "close": ("pam_close_session", 0),
}
CODES = {
    0: "SUCCESS", 3: "SERVICE_ERR", 6: "PERM_DENIED", 7: "AUTH_ERR", 9: "AUTHINFO_UNAVAIL",
    10: "USER_UNKNOWN", 11: "MAXTRIES", 12: "NEW_AUTHTOK_REQD", 13: "ACCT_EXPIRED", 19: "CONV_ERR",
    20: "AUTHTOK_ERR", 27: "AUTHTOK_EXPIRED", 28: "MODULE_UNKNOWN",
}
ASK = "ask"  # an answer that is known only when its question comes
HIDDEN, VISIBLE, ERROR, INFO = 1, 2, 3, 4
CONV_ERR = 19
RHOST = 4
USER = 2


@dataclass
class Step:
    code: str
    prompts: list = field(default_factory=list)  # hidden ones
    visible: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    infos: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    user: str = ""
    seconds: float = 0.0


class Application:
    """One PAM transaction; ends with the with-block."""

    def __init__(self, box, user, service="portal", rhost=None, directory=None):
        directory = str(directory or box["PORTAL_PAM_DIR"])
        environment = dict(os.environ)
        sanitizer = _sanitizer(next(iter(_modules(directory, service))))
        if sanitizer:
            environment |= {"LD_PRELOAD": sanitizer, "ASAN_OPTIONS": "detect_leaks=0"}
        self.process = subprocess.Popen(["/usr/bin/python3", __file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)
        self._tell({"directory": directory, "service": service, "user": user, "rhost": rhost})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0

    def _tell(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def step(self, name, *answers):
        """answers: to the hidden prompts, in order; bytes or text, None for no answer, or a function that is given
        the Step so far and returns one."""
        self._tell([name, [ASK if callable(a) else _hex(a) for a in answers]])
        questions = [a for a in answers if callable(a)]
        while True:
            step = Step(**json.loads(self.process.stdout.readline()))
            if step.code != ASK:
                return step
            self._tell(_hex(questions.pop(0)(step)))


def _hex(answer):
    return None if answer is None else (answer if isinstance(answer, bytes) else answer.encode()).hex()


def several(box, user, *steps, **more):
    """Steps of one transaction, each a tuple of its name and answers."""
    with Application(box, user, **more) as application:
        return [application.step(*step) for step in steps]


def one(box, user, step, *answers, **more):
    """A single step in a transaction of its own."""
    return several(box, user, (step, *answers), **more)[0]


def _modules(directory, service):
    with open(os.path.join(directory, service), encoding="utf-8") as lines:
        return {line.split()[2] for line in lines if line.strip() and not line.startswith("#")}


def _sanitizer(module):
    libraries = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
    return " ".join(line.split()[2] for line in libraries.splitlines()
                    if "libasan" in line or "libubsan" in line)


# --- The program ---

class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
                            ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("userdata", ctypes.c_void_p)]


def libraries():
    pam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)  # a sanitizer's calloc(), where there is one
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
    libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
    pam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
    for name in ("pam_getenvlist", "pam_end", "pam_set_item", "pam_get_item", *(n for n, _ in STEPS.values())):
        getattr(pam, name).argtypes = None
    return pam, libc


class Transaction:
    def __init__(self, plan):
        self.pam, self.libc = libraries()
        self.answers, self.step = [], {}
        self.conversation = Conversation(CONVERSE(self.converse), None)
        self.handle = ctypes.c_void_p()
        user = plan["user"]
        code = self.pam.pam_start_confdir(
            plan["service"].encode(), None if user is None else user.encode("utf-8", "surrogateescape"),
            ctypes.byref(self.conversation), plan["directory"].encode(), ctypes.byref(self.handle))
        assert code == 0
        if plan["rhost"]:
            assert self.pam.pam_set_item(self.handle, RHOST, ctypes.c_char_p(plan["rhost"].encode())) == 0

    def converse(self, count, messages, responses, _userdata):
        answers = (Response * count).from_address(self.libc.calloc(count, ctypes.sizeof(Response)))
        for number in range(count):
            message = messages[number].contents
            kind = {HIDDEN: "prompts", VISIBLE: "visible", ERROR: "errors", INFO: "infos"}[message.style]
            self.step[kind].append(message.text.decode())
            if message.style == HIDDEN:
                if not self.answers:
                    return CONV_ERR
                answer = self.answers.pop(0)
                if answer == ASK:
                    print(json.dumps(self.step | {"code": ASK}), flush=True)
                    answer = json.loads(sys.stdin.readline())
                if answer is not None:
                    answers[number].text = self.libc.strdup(ctypes.c_char_p(bytes.fromhex(answer)))
        responses[0] = ctypes.addressof(answers)
        return 0

    def environment(self):
        entries, found = self.pam.pam_getenvlist(self.handle), {}
        for entry in iter(lambda i=iter(range(1000)): entries[next(i)], None):
            name, _, value = entry.decode().partition("=")
            found[name] = value
        return found

    def user(self):
        item = ctypes.c_char_p()
        self.pam.pam_get_item(self.handle, USER, ctypes.byref(item))
        return (item.value or b"").decode("utf-8", "surrogateescape")

    def run(self, name, answers):
        function, flags = STEPS[name]
        self.answers = list(answers)
        self.step = {"prompts": [], "visible": [], "errors": [], "infos": []}
        begin = os.times().elapsed
        code = getattr(self.pam, function)(self.handle, flags)
        return self.step | {"code": CODES.get(code, str(code)), "env": self.environment(),
                            "user": self.user(), "seconds": os.times().elapsed - begin}

    def end(self):
        self.pam.pam_end(self.handle, 0)


def main():
    transaction = Transaction(json.loads(sys.stdin.readline()))
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(transaction.run(*json.loads(line))), flush=True)
    transaction.end()


if __name__ == "__main__":
    main()
