"""A Debian whose /etc and the like are ours alone: real daemons read the files that a test writes, and the
computer itself keeps its own. The way in is Host(box).

What is private are the directories in PRIVATE: bind-mounted over the real ones in a mount namespace that
ends with this process. A file below one of them is written with host.write("/etc/pam.d/sshd", text), and
a program that is to see it runs through host.run() or host.start().
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import guide
from sandbox import SOURCE

sys.path.insert(0, str(SOURCE / "tests"))

from sandboxlib import SandboxError, process  # noqa: E402
from sandboxlib.layout import Layout, user_name  # noqa: E402

# What a daemon reads or writes outside of the directory that its configuration names. /etc is a copy, the
# others begin empty.
PRIVATE = ("/etc", "/run", "/var/log", "/var/lib/extrausers", "/home")
NSS = "How customers' names are resolved (NSS)"
# The computer's own secrets; a test makes those that it needs.
NOT_COPIED = ("etc/ssh/ssh_host_*", "etc/shadow-", "etc/gshadow-", "etc/ssl/private/*")
NAMESPACE = """\
set -e
if ! mount --make-rprivate / 2>/dev/null; then
    # In a chroot, / is no mount of ours to change. So see whether what we mount can be seen from outside.
    mount --bind "$1/empty" "$1/probe"
    echo probe
    read -r seen
    umount "$1/probe"
    [ "$seen" = hidden ] || exit 1
fi
shift
while [ $# -gt 0 ]; do
    mount --bind "$1" "$2"
    shift 2
done
echo ready
cat >/dev/null
"""
FIRST_UID = 70001
GROUP = "customers"
GROUP_ID = 70000
STOP_SECONDS = 5


class Unavailable(Exception):
    """Why there can't be a host here; tests are skipped with it."""


class Host:
    def __init__(self, box):
        if os.geteuid() != 0:
            raise Unavailable("needs root: daemons that log people in run as root, and so does mounting")
        self.box = box
        self.dir = box.parent / "host"
        self.module = self.dir / "pam_portal.so"
        self.log_dir = self.dir / "log"
        self.people = {}
        self.processes = {}
        self.holder = None
        self._uncovered = self.dir / "probe" / "uncovered"
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._open_box(box)
            self._fill()
            self._enter()
            undo.pop_all()

    # Setting it up.

    @staticmethod
    def _open_box(box):
        """Workers of other users (www-data) reach the sockets, and nothing else that is in the box."""
        box.parent.chmod(0o711)
        box.dir.chmod(0o711)
        for name in ("PORTAL_MAIL_DIR", "PORTAL_LETTER_DIR"):
            Path(box[name]).chmod(0o700)
        (box.dir / "ldap").chmod(0o700)

    def _fill(self):
        self.dir.mkdir(mode=0o755)
        # Unprivileged workers load it, too, and may not get into the directory that it was built in.
        shutil.copyfile(Layout(self.box.dir, self.box["PORTAL_BUILD"]).program("pam_portal.so"), self.module)
        self.module.chmod(0o755)
        for name in ("log", "probe", "empty"):
            (self.dir / name).mkdir(mode=0o700)
        for name in PRIVATE[1:]:
            self.path(name).mkdir(mode=0o755, parents=True)
        self.path("/var/log/lastlog").touch()
        subprocess.run(["cp", "-a", "/etc", self.dir / "root"], check=True)
        for pattern in NOT_COPIED:
            for path in (self.dir / "root").glob(pattern):
                path.unlink() if not path.is_dir() else shutil.rmtree(path)
        self._uncovered.touch()
        for path, text in guide.files(NSS).items():
            self.write(path, text)
        self.know()

    def _enter(self):
        pairs = [str(word) for name in PRIVATE if Path(name).is_dir() for word in (self.path(name), name)]
        # Its end of the pipe is all that keeps it alive, so it can't outlive us.
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", NAMESPACE, "sh", self.dir, *pairs],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        answer = self.holder.stdout.readline().strip()
        if answer == "probe":
            # What is mounted there covers the file only where the mount came through to us.
            seen = not self._uncovered.exists()
            self.holder.stdin.write("seen\n" if seen else "hidden\n")
            self.holder.stdin.flush()
            answer = self.holder.stdout.readline().strip()
        if answer != "ready":
            self.holder.stdin.close()
            reason = self.holder.stderr.read().strip().replace("\n", "; ")
            raise Unavailable(f"no mount namespace of our own here: {reason or 'its mounts show outside'}")

    def close(self):
        for name in list(self.processes):
            self.stop(name)
        if self.holder:
            with contextlib.suppress(BrokenPipeError):
                self.holder.stdin.close()
            self.holder.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    # Files.

    def path(self, name):
        """Where the file that the host's programs call by this absolute name is for us."""
        return self.dir / "root" / str(name).lstrip("/")

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def pam(self, service, text, box=None, options=""):
        """Writes a PAM service: text is as in the guide, where pam_portal.so has no path and finds portald
        where it is when installed. Another box may be asked, and options be added to each of its lines."""
        socket_dir = (box or self.box)["PORTAL_SOCKET_DIR"]
        ours = f"{self.module} socket_dir={socket_dir} peer={user_name()} {options}".rstrip()
        assert "pam_portal.so" in text, f"{service} doesn't use the module"
        self.write(f"/etc/pam.d/{service}", text.replace("pam_portal.so", ours))

    # People.

    def know(self, *names):
        """Makes names resolvable through NSS (libnss-extrausers), each with a uid, a home and a shell."""
        for name in names:
            if name in self.people:
                continue
            uid = FIRST_UID + len(self.people)
            self.people[name] = uid
            home = self.path(f"/home/{name}")
            home.mkdir(mode=0o700)
            os.chown(home, uid, GROUP_ID)
        self._write_people()

    def _write_people(self):
        passwd = "".join(f"{name}:x:{uid}:{GROUP_ID}::/home/{name}:/bin/bash\n"
                         for name, uid in self.people.items())
        self.write("/var/lib/extrausers/passwd", passwd)
        self.write("/var/lib/extrausers/group", f"{GROUP}:x:{GROUP_ID}:\n")
        self.write("/var/lib/extrausers/shadow", "".join(f"{name}:*:19000::::::\n" for name in self.people), 0o640)

    # Processes.

    def command(self, *command):
        """command, as it is run inside. nsenter becomes the command: the process id stays."""
        return ["nsenter", f"--target={self.holder.pid}", "--mount", "--root", "--wd=/", "--",
                *map(str, command)]

    def run(self, *command, **options):
        return subprocess.run(self.command(*command), text=True, capture_output=True, check=False, **options)

    def start(self, name, *command, answers, env=None):
        """Starts a daemon that stays in the foreground; returns once answers() is true. Its output is
        host.log(name)."""
        assert name not in self.processes, f"{name} runs already"
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(env or {})}
        process_id = process.start(self.command(*command), self.log_dir / name, environment)
        self.processes[name] = process_id
        try:
            process.wait_for(name, process_id, answers, self.log_dir / name)
        except SandboxError:
            self.stop(name)
            raise

    def stop(self, name):
        process_id = self.processes.pop(name)
        process.end(process_id, STOP_SECONDS)

    def log(self, name):
        return (self.log_dir / name).read_text(encoding="utf-8", errors="replace")


def free_port():
    return process.free_port()


def listens(port, address="127.0.0.1"):
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


def wait_until(look, seconds=10, what="it"):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.05)
