"""What comes back to a mail's return path: `portalctl bounce` notes it in the mail's job, and only there."""

import json
import os
import re
import shutil
import smtplib
import subprocess

import dsn
import pytest
from customer import wait_for
from postfix_box import Postfix, let_others_pass

DONE, GARBAGE, UNKNOWN, LATER = 0, 65, 67, 75  # sysexits.h, as pipe(8) knows them
RETURN_PATH = re.compile(r"bounces\+([0-9a-z]{26})([0-9a-z]{16})@versicherung\.example")


def return_path(mail):
    return mail.message["Return-Path"].strip("<>")


def bounce(world, message, *arguments):
    return subprocess.run([world.box["PORTAL_CTL"], "bounce", *arguments], input=message.encode(),
                          capture_output=True, check=False)


def noted(world, message, *arguments):
    done = bounce(world, message, *arguments)
    assert done.returncode == DONE, done.stderr
    return done.stdout.decode()


def job_of(world, mail):
    return world.portald.control("queue-show", id=job_id(mail))["job"]


def job_id(mail):
    return RETURN_PATH.fullmatch(return_path(mail))[1].upper()


@pytest.fixture
def mailed(world):
    """A customer with a confirmation that the relay took, which the directory knows."""
    customer = world.customer()
    mail = customer.registered()
    world.wait_for_rest()
    return customer, mail


# Return paths --------------------------------------------------------------------------------------

def test_each_mail_has_a_return_path_of_its_own_that_any_relay_takes(world):
    first, second = (world.customer().registered() for _ in range(2))
    assert return_path(first) != return_path(second)
    for mail in (first, second):
        assert RETURN_PATH.fullmatch(return_path(mail)), return_path(mail)
        assert len(return_path(mail).partition("@")[0]) <= 64
        assert job_id(mail) == mail.message["Message-ID"].strip("<>").partition("@")[0]
        assert "konto@versicherung.example" in mail.message["From"]


# What relays report --------------------------------------------------------------------------------

@pytest.mark.parametrize("form, status, said", [(dsn.postfix, "5.1.1", "no such mailbox here"),
                                                (dsn.exim, "5.0.0", "Mailbox size limit exceeded"),
                                                (dsn.exchange, "5.1.10", "not found by SMTP address lookup"),
                                                (dsn.gmail, "5.1.1", "does not exist")])
def test_a_bounce_is_seen_in_queue_and_customer(world, mailed, form, status, said):
    customer, mail = mailed
    noted(world, form(return_path(mail), customer.mail), return_path(mail))
    job = job_of(world, mail)
    assert job["state"] == "failed" and job["note"].startswith(f"bounced: {status} ") and said in job["note"]
    assert customer.mail not in job["note"] and customer.uid not in job["note"]
    shown, = [x for x in customer.show()["mails"] if x["job"] == job_id(mail)]
    assert shown["topic"] == "confirm" and shown["state"] == "failed" and shown["note"] == job["note"]
    told = world.box.ctl("queue", "show", job_id(mail)).stdout
    assert f"bounced: {status}" in told and "can't be tried again" in told
    assert "queue show ID" in world.box.ctl("queue", "retry", job_id(mail)).stderr
    assert "bounced" in world.box.ctl("show", customer.uid).stdout


@pytest.mark.parametrize("form", [dsn.postfix, dsn.exim, dsn.exchange, dsn.gmail])
def test_the_return_path_is_found_in_the_headers(world, mailed, form):
    customer, mail = mailed
    noted(world, form(return_path(mail).upper(), customer.mail))
    assert job_of(world, mail)["state"] == "failed"


def test_a_delay_and_a_delivery_only_change_the_note(world, mailed):
    customer, mail = mailed
    path = return_path(mail)
    noted(world, dsn.postfix(path, customer.mail, "4.4.1", "delayed", "connect: timed out"), path)
    assert job_of(world, mail)["state"] == "done"
    assert job_of(world, mail)["note"].startswith("delayed on its way: 4.4.1")
    noted(world, dsn.postfix(path, customer.mail, "2.1.5", "delivered", "250 2.1.5 Ok"), path)
    assert job_of(world, mail)["state"] == "done" and job_of(world, mail)["note"].startswith("delivered: 2.1.5")


def test_a_relay_that_gave_up_after_days_failed(world, mailed):
    customer, mail = mailed
    noted(world, dsn.postfix(return_path(mail), customer.mail, "4.4.1", "failed"), return_path(mail))
    assert job_of(world, mail)["state"] == "failed"


def test_the_same_report_again_changes_nothing(world, mailed):
    customer, mail = mailed
    report = dsn.postfix(return_path(mail), customer.mail)
    assert "noted" in noted(world, report, return_path(mail))
    before = job_of(world, mail)
    assert "known" in noted(world, report, return_path(mail))
    late = dsn.postfix(return_path(mail), customer.mail, "4.4.1", "delayed")
    assert "known" in noted(world, late, return_path(mail))
    assert job_of(world, mail) == before
    assert json.loads(noted(world, report, "--json", return_path(mail)))["result"] == "known"


def test_a_bounce_never_changes_the_account(world, mailed):
    customer, mail = mailed
    before = world.entry(customer.uid)
    noted(world, dsn.postfix(return_path(mail), customer.mail), return_path(mail))
    world.wait_for_rest()
    assert world.entry(customer.uid) == before
    assert world.portald.confirm(mail.token).verdict == "OK"


# Forged, wrong, early ------------------------------------------------------------------------------

def changed(path, at):
    return path[:at] + ("0" if path[at] != "0" else "1") + path[at + 1:]


def test_a_report_brings_nothing_back_of_whom_was_forgotten(world, mailed):
    customer, mail = mailed
    assert "error" not in world.portald.control("wish", wish="forget", who=customer.uid)
    said = dsn.postfix(return_path(mail), customer.mail, said="550 5.1.1 Erika Muster is unknown here")
    assert bounce(world, said, return_path(mail)).returncode == UNKNOWN
    assert job_of(world, mail)["note"] == "forgotten" and job_of(world, mail)["state"] == "done"


@pytest.mark.parametrize("at", [len("bounces+") + 20, len("bounces+") + 26, len("bounces+") + 41])
def test_a_reference_that_portald_did_not_make_is_refused(world, mailed, at):
    customer, mail = mailed
    forged = changed(return_path(mail), at)
    assert bounce(world, dsn.postfix(forged, customer.mail), forged).returncode == UNKNOWN
    assert job_of(world, mail)["state"] == "done"


def test_the_code_of_one_mail_does_not_fit_another(world, mailed):
    customer, mail = mailed
    other = world.customer().registered()
    world.wait_for_rest()
    mine, code = RETURN_PATH.fullmatch(return_path(mail)).groups()
    theirs = RETURN_PATH.fullmatch(return_path(other))[1]
    forged = f"bounces+{theirs}{code}@versicherung.example"
    assert mine != theirs
    assert bounce(world, dsn.postfix(forged, customer.mail), forged).returncode == UNKNOWN
    assert job_of(world, other)["state"] == "done"


@pytest.mark.parametrize("address", ["bounces@versicherung.example", "-x", "", "@" * 900,
                                     "bounces+" + "0" * 42 + "@versicherung.example"])
def test_an_address_without_a_reference_of_ours_is_refused(world, mailed, address):
    customer, mail = mailed
    assert bounce(world, dsn.postfix(return_path(mail), customer.mail), "--", address).returncode == UNKNOWN
    assert job_of(world, mail)["state"] == "done"


def test_what_is_no_notification_is_refused(world, mailed):
    customer, mail = mailed
    good = dsn.postfix(return_path(mail), customer.mail)
    for message in ("", "\0" * 5000, dsn.vacation(return_path(mail)), good.replace("Action: failed", "Action: eaten"),
                    good.replace("Status: 5.1.1", "Status: 2.0.0"), good.replace("Status: 5.1.1", "Status: 5.1"),
                    good.replace("report-type=delivery-status", "report-type=disposition-notification"),
                    good.replace("message/delivery-status", "message/feedback-report"),
                    good.replace("Reporting-MTA", "X" * 70000 + ": x\nReporting-MTA")):
        done = bounce(world, message, return_path(mail))
        assert done.returncode == GARBAGE, (done, message[:200])
    assert job_of(world, mail)["state"] == "done"


def test_a_report_is_read_although_a_huge_mail_hangs_on_it(world, mailed):
    customer, mail = mailed
    noted(world, dsn.postfix(return_path(mail), customer.mail) + "x" * 5_000_000, return_path(mail))
    assert job_of(world, mail)["state"] == "failed"


def test_hostile_words_of_a_relay_are_kept_harmless(world, mailed):
    customer, mail = mailed
    said = f"550 see https://bad.example/confirm/x \x1b[31m\u202e \xff {'word ' * 300}"
    noted(world, dsn.postfix(return_path(mail), customer.mail, said=said), return_path(mail))
    note = job_of(world, mail)["note"]
    assert note.isprintable() and "confirm/" not in note and len(note.encode()) < 256


def test_the_relay_is_asked_to_come_again_while_portald_is_away(fresh_world):
    customer = fresh_world.customer()
    mail = customer.registered()
    fresh_world.wait_for_rest()
    report = dsn.postfix(return_path(mail), customer.mail)
    fresh_world.box.stop("portald")
    assert bounce(fresh_world, report, return_path(mail)).returncode == LATER
    fresh_world.box.start("portald")
    noted(fresh_world, report, return_path(mail))


# A real relay --------------------------------------------------------------------------------------

class BouncingPostfix(Postfix):
    """Knows no mailbox of kunde.example, and hands what comes back to portalctl, as an unprivileged user."""

    def __init__(self, directory, command):
        # What comes back, and how it is handed over: as doc/mail.md says.
        super().__init__(directory, {
            "transport_maps": "inline:{ {example.org=error:5.1.1 no such mailbox}, "
                              "{versicherung.example=portal-bounce:} }",
            "smtpd_reject_unlisted_recipient": "no",
            "portal-bounce_destination_recipient_limit": "1",
        })
        self.command = command

    def _configure(self):
        super()._configure()
        with open(self.config / "master.cf", "a", encoding="utf-8") as master:
            master.write(f"portal-bounce unix - n n - 10 pipe\n  flags=X user=nobody argv={self.command}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix starts as root only")
def test_a_real_postfix_reports_a_mail_that_nobody_wants(fresh_world, tmp_path_factory, build_dir):
    box = fresh_world.box
    customer = fresh_world.customer()
    mail = customer.registered()
    fresh_world.wait_for_rest()
    for directory in (box.parent, box.dir):
        directory.chmod(0o711)
    home = tmp_path_factory.mktemp("postfix")
    let_others_pass(home)
    # Run by nobody, who may not get into the directory that it was built in.
    portalctl = shutil.copy(build_dir / "portalctl" / "portalctl", home)
    command = f"{portalctl} --socket-dir {box['PORTAL_SOCKET_DIR']} bounce -- ${{recipient}}"
    with BouncingPostfix(home / "relay", command) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.sendmail(return_path(mail), [customer.mail], mail.path.read_bytes())
        job = wait_for(lambda: (lambda j: j["state"] == "failed" and j)(job_of(fresh_world, mail)), 30,
                       "the bounce; Postfix says: " + postfix.tail())
        assert job["note"].startswith("bounced: 5.1.1") and "no such mailbox" in job["note"], postfix.tail()
        postfix.wait_until_empty(20)
        assert "status=sent (delivered via portal-bounce service" in postfix.tail()
