"""A fresh Debian 12 that boots under its own systemd on this computer, made anew for each test run.

    with Machine() as machine:
        machine.root            its file system, to install into
        machine.boot(command)   boots, runs command as root once multi-user.target is reached, powers off

Its base system is kept in CACHE. It has a network of its own with nothing but loopback.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
CACHE = Path("/var/cache/portal-tests")
RELEASE = "bookworm"
BASE = ("systemd-sysv", "dbus", "procps", "iproute2", "util-linux")
TOOLS = ("slapd", "ldap-utils", "nginx", "cups-daemon", "cups-client", "openssl", "poppler-utils", "python3", "python3-aiosmtpd")
DEFAULT_MIRROR = "http://deb.debian.org/debian"
ROOT_PASSWORD = "only-in-this-machine"
PRESEED = f"""\
slapd slapd/domain string example.org
slapd shared/organization string example
slapd slapd/password1 password {ROOT_PASSWORD}
slapd slapd/password2 password {ROOT_PASSWORD}
"""
BUILD_SECONDS = 420
BOOT_SECONDS = 240

UNIT = """\
[Unit]
After=multi-user.target
Requires=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
Environment=LANG=C.UTF-8 HOME=/root
WorkingDirectory=/root
TimeoutStartSec={seconds}
ExecStart={command}
StandardOutput=append:/out/console
StandardError=append:/out/console
"""


class Unavailable(Exception):
    """Why there can't be a machine here; tests are skipped with it."""


def check():
    if os.geteuid() != 0:
        raise Unavailable("needs root, to boot a machine")
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    if f"VERSION_CODENAME={RELEASE}" not in release:
        raise Unavailable(f"this isn't Debian {RELEASE}: what is built here wouldn't run there")
    # What the services' sandboxes need can't be had in a chroot, nor where the kernel is told to refuse it.
    if subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode != 0:
        raise Unavailable("the kernel makes no user namespaces here (it never does in a chroot), "
                          "and PrivateUsers= needs them")
    subprocess.run([SOURCE / "tests" / "install-packages", "system"], check=False, stdout=subprocess.DEVNULL)
    for program in ("debootstrap", "systemd-nspawn"):
        if not shutil.which(program):
            raise Unavailable(f"{program} is missing and can't be installed")


def mirror():
    for path in ("/etc/apt/sources.list", *sorted(Path("/etc/apt").glob("sources.list.d/*"))):
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError:
            continue
        found = re.search(rf"^URIs: *(\S+/debian)/?$|^deb (?:\[.*?\] )?(\S+/debian)/? {RELEASE}", text, re.MULTILINE)
        if found:
            return found[1] or found[2]
    return DEFAULT_MIRROR


def packages():
    listed = subprocess.run([SOURCE / "tests" / "install-packages", "--list", "run"], check=True,
                            text=True, capture_output=True).stdout.split()
    return sorted({*listed, *TOOLS})


def run_logged(log, *command, **options):
    with open(log, "ab") as out:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                       timeout=BUILD_SECONDS, **options)


def build_base(root, log):
    run_logged(log, "debootstrap", "--variant=minbase", f"--include={','.join(BASE)}", RELEASE, root, mirror())
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    # Nothing is to be started while packages are installed.
    refuse = root / "usr" / "sbin" / "policy-rc.d"
    refuse.write_text("#!/bin/sh\nexit 101\n")
    refuse.chmod(0o755)
    subprocess.run(["chroot", root, "debconf-set-selections"], input=PRESEED, text=True, check=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    run_logged(log, "chroot", root, "apt-get", "update", env=environment)
    run_logged(log, "chroot", root, "apt-get", "install", "-y", "--no-install-recommends", *packages(),
               env=environment)
    refuse.unlink()
    run_logged(log, "chroot", root, "apt-get", "clean")


def base_system():
    """The cached base, made when it isn't there for these packages."""
    check()
    wanted = hashlib.sha256(" ".join((RELEASE, PRESEED, *BASE, *packages())).encode()).hexdigest()[:12]
    CACHE.mkdir(parents=True, exist_ok=True)
    root, done, log = CACHE / wanted, CACHE / f"{wanted}.done", CACHE / f"{wanted}.log"
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(root, ignore_errors=True)
            log.unlink(missing_ok=True)
            try:
                build_base(root, log)
            except (OSError, subprocess.SubprocessError) as error:
                tail = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
                raise Unavailable(f"the base system can't be made: {' '.join(tail) or error}") from error
            done.touch()
    return root


class Machine:
    def __init__(self):
        base = base_system()
        self.work = Path(tempfile.mkdtemp(prefix="portal-machine-", dir="/var/tmp"))
        self.root = self.work / "root"
        self.mounted = False
        self._layer(base)
        (self.root / "out").mkdir()
        (self.root / "etc" / "hostname").write_text("portal-machine\n")
        (self.root / "etc" / "hosts").write_text("127.0.0.1 localhost portal-machine\n::1 localhost\n")

    def _layer(self, base):
        """A copy of base to write to: a layer over it, or, where that can't be, a real copy."""
        for name in ("root", "upper", "scratch"):
            (self.work / name).mkdir()
        options = f"lowerdir={base},upperdir={self.work}/upper,workdir={self.work}/scratch"
        done = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root],
                              capture_output=True, check=False)
        self.mounted = done.returncode == 0
        if not self.mounted:
            subprocess.run(["cp", "-a", f"{base}/.", self.root], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", "-R", self.root], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def boot(self, command, seconds=BOOT_SECONDS):
        """Returns what command printed. What it wrote to /out is in root/out afterwards."""
        units = self.root / "etc" / "systemd" / "system"
        (units / "machine-command.service").write_text(UNIT.format(command=command, seconds=seconds))
        (units / "machine.target").write_text(
            "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=machine-command.service\n")
        log = self.work / "boot.log"
        with open(log, "wb") as out:
            try:
                subprocess.run(
                    ["systemd-nspawn", "--quiet", "-D", self.root, "--register=no", "--keep-unit",
                     "--private-network", "--kill-signal=SIGRTMIN+4", "-b", "--", "--unit=machine.target"],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=seconds + 60, check=False)
            except subprocess.TimeoutExpired:
                pass
        console = self.root / "out" / "console"
        if not console.exists():
            lines = log.read_text(errors="replace").splitlines()
            raise Unavailable("systemd doesn't boot here: " + " / ".join(line for line in lines[-3:] if line.strip()))
        return console.read_text(errors="replace")
