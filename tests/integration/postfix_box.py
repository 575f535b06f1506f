"""A Postfix of the test's own: configuration, queue, data and port are private; the machine's is neither
touched nor started. Its master and daemons need root and the users that Debian's package makes."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

START_SECONDS = 20
DAEMONS = "/usr/lib/postfix/sbin"

# service type private unpriv chroot wakeup maxproc command
MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
tlsproxy  unix - - n - 0 tlsproxy
postlog   unix-dgram n - n - 1 postlogd
"""
QMGR = "qmgr      unix n - n 300 1 qmgr\n"


def let_others_pass(directory):
    """Opens what pytest made for us alone, however deep it lies, to daemons of other users."""
    top = Path(tempfile.gettempdir()).resolve()
    for path in (directory.resolve(), *directory.resolve().parents):
        if path == top:
            return
        path.chmod(path.stat().st_mode | 0o755)
    raise AssertionError(f"{directory} isn't below {top}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    for _ in range(START_SECONDS * 20):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port}")


class Postfix:
    """settings: of main.cf, beside those that make it private. deliver=False leaves the queue manager
    out: what comes in stays in the queue until start_delivery()."""

    def __init__(self, directory, settings=None, deliver=True):
        self.dir, self.port = Path(directory), free_port()
        self.config, self.queue, self.log = self.dir / "etc", self.dir / "queue", self.dir / "maillog"
        self.settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue,
            "data_directory": self.dir / "data",
            "daemon_directory": DAEMONS,
            "command_directory": "/usr/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": "relay.example",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "maillog_file": self.log,
            "maillog_file_prefixes": self.dir,
            "smtp_host_lookup": "native",
            "smtp_dns_support_level": "disabled",
            "smtpd_peername_lookup": "no",
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_client_connection_rate_limit": "0",
            "in_flow_delay": "0",
            **(settings or {}),
        }
        self.deliver = deliver
        self.process = None

    def _configure(self):
        self.config.mkdir(exist_ok=True)
        (self.config / "main.cf").write_text(
            "".join(f"{key} = {value}\n" for key, value in self.settings.items()), encoding="utf-8")
        (self.config / "master.cf").write_text(
            MASTER_CF.format(port=self.port) + (QMGR if self.deliver else ""), encoding="utf-8")

    def run(self, *command):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False,
                              env={"PATH": os.environ["PATH"], "MAIL_CONFIG": str(self.config)})
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.tail()}"
        return done.stdout

    def tail(self):
        return self.log.read_text(encoding="utf-8")[-2000:] if self.log.exists() else ""

    def __enter__(self):
        assert shutil.which("postfix"), "this needs postfix from Debian"
        self.dir.mkdir(parents=True)
        self.dir.chmod(0o755)
        self.queue.mkdir()
        (self.dir / "data").mkdir()
        shutil.chown(self.dir / "data", "postfix")
        self._configure()
        # Makes the queue's directories, and looks the configuration over.
        self.run("postfix", "-c", self.config, "check")
        self.start()
        return self

    def start(self):
        end = time.monotonic() + START_SECONDS
        while not self._listens():
            # Daemons of the one before may hold its port for a moment: master ends, then.
            assert time.monotonic() < end, f"Postfix doesn't start: {self.tail()}"
            if not self.process or self.process.poll() is not None:
                self.process = subprocess.Popen(
                    [f"{DAEMONS}/master", "-c", str(self.config), "-d"], start_new_session=True,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    env={"PATH": os.environ["PATH"], "MAIL_CONFIG": str(self.config)})
            time.sleep(0.05)

    def _listens(self):
        if not self.process or self.process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)  # the whole session: master and its daemons
            self.process.wait(START_SECONDS)
            self.process = None

    def __exit__(self, *_):
        self.stop()

    def restart(self):
        self.stop()
        self.start()

    def start_delivery(self):
        self.deliver = True
        self._configure()
        self.restart()

    def inject(self, count, size):
        self.run("smtp-source", "-s", "8", "-l", size, "-m", count, "-f", "konto@versicherung.example",
                 "-t", "kunde@kunde.example", f"127.0.0.1:{self.port}")

    def cpu(self):
        """Seconds that master, its daemons and those it has outlived have used."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = path.read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
            except OSError:
                continue
            if int(words[3]) == self.process.pid:  # its session
                own = int(path.parent.name) == self.process.pid
                ticks += sum(int(word) for word in words[11:15 if own else 13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def waiting(self):
        """Mails in the queue. A file that nobody finished writing, since its writer was killed, isn't one:
        whoever sent it was never told that it is taken."""
        for name in ("incoming", "active", "deferred"):
            for path in (self.queue / name).rglob("*"):
                try:
                    mode = path.stat().st_mode
                except FileNotFoundError:
                    continue  # delivered meanwhile
                if stat.S_ISREG(mode) and mode & stat.S_IXUSR:
                    yield path

    def wait_until_empty(self, seconds):
        end = time.monotonic() + seconds
        while next(self.waiting(), None):
            assert time.monotonic() < end, self.tail()
            time.sleep(0.05)
