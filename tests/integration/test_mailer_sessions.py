"""portal-mailer's sessions: kept open for the mails that come later, ended by either side, and what then
becomes of the mails that are left."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mail_relay import (ACCEPTED, DEFERRED, MESSAGE_TEXT, REJECTED, Relay, job_id, mail)  # noqa: E402
from test_mailer import authority, certificate, program, start  # noqa: E402,F401  the fixtures


def wait_for(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it doesn't happen")


@pytest.mark.parametrize("features", [(), ("PIPELINING",)], ids=["plain", "pipelining"])
def test_mails_that_come_later_go_in_the_same_session(start, certificate, features):
    with Relay(certificate, features=features) as relay:
        mailer = start(relay, idle="20s")
        for number in range(5):
            mailer.send(mail(job_id(number)), end=False)
            assert mailer.result().result == ACCEPTED
        assert relay.connections == 1
        assert [text for _, _, text in relay.mails] == [
            MESSAGE_TEXT % job_id(n).encode() for n in range(5)]
        assert mailer.close() == 0
        wait_for(lambda: relay.heard("QUIT") == ["QUIT"])


def test_a_session_with_nothing_to_do_is_ended_after_a_while(start, certificate):
    with Relay(certificate) as relay:
        mailer = start(relay, idle="1s")
        mailer.send(mail(job_id(1)), end=False)
        assert mailer.result().result == ACCEPTED
        wait_for(lambda: relay.heard("QUIT"))
        mailer.send(mail(job_id(2)))
        assert [r.result for r in mailer.results()] == [ACCEPTED]
        assert relay.connections == 2
        assert mailer.close() == 0


def test_no_session_is_kept_open_where_that_is_turned_off(start, certificate):
    with Relay(certificate) as relay:
        mailer = start(relay, idle="0s")
        mailer.send(mail(job_id(1)), end=False)
        assert mailer.result().result == ACCEPTED
        wait_for(lambda: relay.heard("QUIT"))


def test_a_relay_that_ends_an_idle_session_loses_no_mail(start, certificate):
    with Relay(certificate, patience=0.3) as relay:
        mailer = start(relay, idle="1min")
        for number in range(3):
            mailer.send(mail(job_id(number)), end=False)
            assert mailer.result().result == ACCEPTED
            wait_for(lambda: relay.threads and not any(t.is_alive() for t in relay.threads))
        assert relay.connections == 3 and len(relay.mails) == 3


@pytest.mark.parametrize("features", [(), ("PIPELINING",)], ids=["plain", "pipelining"])
@pytest.mark.parametrize("replies", [
    {"MAIL": ["250 fine", "421 enough for today"]}, {"MAIL": ["250 fine", Relay.DROP]},
    {"RCPT": ["250 fine", "421 enough for today"]}, {"RCPT": ["250 fine", Relay.DROP]},
    {"DATA": ["354 go on", "421 enough for today"]}, {"DATA": ["354 go on", Relay.DROP]},
    {"DOT": "250 taken\r\n421 and that was all"},
], ids=["MAIL-421", "MAIL-drop", "RCPT-421", "RCPT-drop", "DATA-421", "DATA-drop", "behind-the-reply"])
def test_a_relay_that_has_enough_gets_the_rest_in_the_next_session(start, certificate, features, replies):
    """Each mail once, and none waits a minute for it."""
    with Relay(certificate, features=features, replies=replies) as relay:
        mailer = start(relay)
        mailer.send(*(mail(job_id(n)) for n in range(4)))
        results = mailer.results()
        assert {r.job: r.result for r in results} == {job_id(n): ACCEPTED for n in range(4)}, results
        assert sorted(text for _, _, text in relay.mails) == [
            MESSAGE_TEXT % job_id(n).encode() for n in range(4)]
        assert 2 <= relay.connections <= 4
        assert mailer.close() == 0


def test_a_mail_whose_text_was_sent_is_not_sent_again_at_once(start, certificate):
    """Nobody knows whether the relay has it."""
    with Relay(certificate, replies={"DOT": ["250 taken", Relay.DROP]}) as relay:
        mailer = start(relay)
        mailer.send(*(mail(job_id(n)) for n in range(3)))
        assert {r.job: r.result for r in mailer.results()} == {
            job_id(0): ACCEPTED, job_id(1): DEFERRED, job_id(2): ACCEPTED}
        assert [text for _, _, text in relay.mails].count(MESSAGE_TEXT % job_id(1).encode()) == 1


@pytest.mark.parametrize("replies", [{"MAIL": "421 no"}, {"EHLO": "421 no"}, {"DATA": "421 no"}],
                         ids=lambda replies: next(iter(replies)))
def test_a_relay_that_always_has_enough_is_not_asked_without_end(start, certificate, replies):
    with Relay(certificate, replies=replies) as relay:
        mailer = start(relay)
        mailer.send(*(mail(job_id(n)) for n in range(30)))
        results = mailer.results()
        assert sorted(r.job for r in results) == [job_id(n) for n in range(30)]
        assert all(r.result == DEFERRED and "421" in r.text for r in results)
        assert relay.connections <= 2
        assert mailer.close() == 0


def test_the_reply_to_each_mail_is_its_own(start, certificate):
    """Hundreds in one session, every third recipient refused, the rest of them taken in order."""
    codes = ["250 fine", "550 no such user", "250 fine"] * 100
    with Relay(certificate, features=["PIPELINING"], replies={"RCPT": codes}) as relay:
        mailer = start(relay, batch=1000)
        mailer.send(*(mail(job_id(n)) for n in range(300)))
        assert [(r.job, r.result) for r in mailer.results()] == [
            (job_id(n), REJECTED if n % 3 == 1 else ACCEPTED) for n in range(300)]
        assert relay.connections == 1
