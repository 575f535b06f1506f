#!/usr/bin/python3
"""The demonstration behind ./run-demo: a sandbox, one journey in it, and then a look around.

    demo.py [--once]
"""

import argparse
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from journey import Place, go, say  # noqa: E402

SOURCE = Path(__file__).resolve().parents[1]
SANDBOX = SOURCE / "tests" / "sandbox"

AROUND = """
Everything stays up until you press Ctrl-C. In another terminal:

    . {dir}/env
    $PORTAL_CTL status                     daemon, directory, queue
    $PORTAL_CTL show {uid}                what is known of this customer
    $PORTAL_CTL register --help            take the next one of $PORTAL_CUSTOMERS through it
    ldapsearch -xLLL -H $PORTAL_LDAP_URI -D "$PORTAL_ADMIN_DN" -w "$PORTAL_ADMIN_PW" -b "$PORTAL_LDAP_BASE" uid={uid}
    $PORTAL_CTL clock +31d                 a month later
    $PORTAL_BUILD/tests/pam-login --dir $PORTAL_PAM_DIR portal {address}

    mails     {mail}
    letters   {letters}
    log       {log}
"""


def read_env(directory):
    lines = (directory / "env").read_text(encoding="utf-8").splitlines()
    words = (shlex.split(line, comments=True) for line in lines)
    return dict(word[1].split("=", 1) for word in words if word)


def make_place(env):
    uid, policy, birthdate = Path(env["PORTAL_CUSTOMERS"]).read_text(encoding="utf-8").split()[:3]
    return Place(ctl=[env["PORTAL_CTL"]],
                 login=[f"{env['PORTAL_BUILD']}/tests/pam-login", "--dir", env["PORTAL_PAM_DIR"]],
                 mail_dir=Path(env["PORTAL_MAIL_DIR"]), letter_dir=Path(env["PORTAL_LETTER_DIR"]),
                 uid=uid, policy=policy, birthdate=birthdate, address=f"{uid}@post.example")


def stay(directory, env, place):
    log = env["PORTALD_LOG"]
    say(AROUND.format(dir=directory, uid=place.uid, address=place.address, log=log,
                      mail=env["PORTAL_MAIL_DIR"], letters=env["PORTAL_LETTER_DIR"]))
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("")


def log_show(env):
    """The end of portald's log, for whoever looks for the reason of a failure."""
    log = Path(env["PORTALD_LOG"])
    if log.exists():
        say("\nThe end of portald's log:")
        say("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]))


def demonstrate(directory, once, started):
    say("Bringing up a private directory, mail sink, portald and print station …")
    subprocess.run([SANDBOX, "up", directory], check=True)
    try:
        env = read_env(directory)
        place = make_place(env)
        done, line = go(place, started)
        if not done:
            log_show(env)
        say(f"\n{line}")
        if not once:
            stay(directory, env, place)
        return done
    finally:
        subprocess.run([SANDBOX, "down", directory], check=False)


def main():
    parser = argparse.ArgumentParser(prog="run-demo", description="One customer's whole journey.")
    parser.add_argument("--once", action="store_true", help="end after the journey")
    arguments = parser.parse_args()
    # An end by SIGTERM takes the sandbox down, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="portal-demo-") as parent:
        try:
            done = demonstrate(Path(parent) / "box", arguments.once, started)
        except subprocess.CalledProcessError as error:
            say(f"\njourney failed before its first step: the sandbox didn't come up ({error.returncode})")
            done = False
        except KeyboardInterrupt:
            done = False
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main()
