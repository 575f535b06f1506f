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

from journey import Journey, Place, go, say  # noqa: E402
from web_journey import WebJourney, WebPlace  # noqa: E402

SOURCE = Path(__file__).resolve().parents[1]
SANDBOX = SOURCE / "tests" / "sandbox"
INBOX = SOURCE / "tests" / "inbox"

AROUND = """
Everything stays up until you press Ctrl-C. In a browser on this machine, in two tabs:

    the portal             {web}/
    mails and letters      {inbox}

Register as one of these, with any e-mail address (you@post.example):

{customers}

The mail comes into the second tab: open it, press its button, confirm. The letter with initial password
and PUK follows there within seconds. Log in with it, choose a password, set up codes from an app, or
don't. Then try what may go wrong: forget the password, lose the phone, press "Das war ich nicht".

The pages have no TLS here, and no reverse proxy in front: how an application behind one lets people log
in by these pages is in doc/frontends.md.

In another terminal:

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
CUSTOMERS_SHOWN = (2, 3, 4)


def read_env(directory):
    lines = (directory / "env").read_text(encoding="utf-8").splitlines()
    words = (shlex.split(line, comments=True) for line in lines)
    return dict(word[1].split("=", 1) for word in words if word)


def sample(env, number):
    """uid, policy number and birthdate of a sample customer."""
    return Path(env["PORTAL_CUSTOMERS"]).read_text(encoding="utf-8").splitlines()[number].split()


def make_place(env, kind, number, **more):
    uid, policy, birthdate = sample(env, number)
    return kind(ctl=[env["PORTAL_CTL"]],
                 login=[f"{env['PORTAL_BUILD']}/tests/pam-login", "--dir", env["PORTAL_PAM_DIR"]],
                 mail_dir=Path(env["PORTAL_MAIL_DIR"]), letter_dir=Path(env["PORTAL_LETTER_DIR"]),
                 uid=uid, policy=policy, birthdate=birthdate, address=f"{uid}@post.example", **more)


def customer_line(env, number):
    _uid, policy, birthdate = sample(env, number)
    return f"    policy number {policy}, born {'.'.join(reversed(birthdate.split('-')))}"


def stay(directory, env, place):
    with subprocess.Popen([INBOX, directory], stdout=subprocess.PIPE, text=True) as inbox:
        try:
            say(AROUND.format(dir=directory, uid=place.uid, address=place.address, log=env["PORTALD_LOG"],
                              mail=env["PORTAL_MAIL_DIR"], letters=env["PORTAL_LETTER_DIR"],
                              web=env["PORTAL_WEB_URL"], inbox=inbox.stdout.readline().strip(),
                              customers="\n".join(customer_line(env, number) for number in CUSTOMERS_SHOWN)))
            signal.pause()
        except KeyboardInterrupt:
            say("")
        finally:
            inbox.terminate()


def log_show(env):
    """The end of portald's log, for whoever looks for the reason of a failure."""
    log = Path(env["PORTALD_LOG"])
    if log.exists():
        say("\nThe end of portald's log:")
        say("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]))


def demonstrate(directory, once, started):
    say("Bringing up a private directory, mail sink, portald, portal-web and print station …")
    subprocess.run([SANDBOX, "up", directory], check=True)
    try:
        env = read_env(directory)
        place = make_place(env, Place, 0)
        done, line = go(((Journey, place),
                         (WebJourney, make_place(env, WebPlace, 1, url=env["PORTAL_WEB_URL"]))), started)
        if not done:
            log_show(env)
        say(f"\n{line}")
        if not once:
            stay(directory, env, place)
        return done
    finally:
        subprocess.run([SANDBOX, "down", directory], check=False)


def main():
    parser = argparse.ArgumentParser(prog="run-demo", description="The whole journey, in a terminal and in a browser.")
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
