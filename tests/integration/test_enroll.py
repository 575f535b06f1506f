"""Setting up TOTP, through the protocol: what is offered, what confirms it, what leaves nothing, and the login that needs
it from then on. oathtool is the customer's telephone."""

import re
import threading
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

import qr
from customer import PASSWORD, with_password
from enrollment import ask, away_from_the_edge, code, confirm, enrolled, grant, offered, secret_of
from wire import NUMBERS


def factor(world, c):
    entry = world.entry(c.uid)
    return {name for name in entry if name.startswith("portalTOTP")}


def test_set_up_is_offered_confirmed_and_then_needed_to_log_in(world):
    c = with_password(world)
    offer = offered(world, c)
    secret = secret_of(offer)
    assert re.fullmatch("[A-Z2-7]{32}", secret)
    groups = " ".join(secret[i:i + 4] for i in range(0, 32, 4))
    assert groups in [line.strip() for line in offer.text.split("\n")]
    assert "Authenticator-App" in offer.text
    assert factor(world, c) == set()

    typed = code(world, secret)
    done = confirm(world, c, offer, f" {typed[:3]} {typed[3:]}")
    assert done.verdict == "OK"
    assert "Von nun an" in done.text
    assert factor(world, c) == {"portalTOTPSecret", "portalTOTPLastStep"}

    reply = world.portald.authenticate(c.mail, PASSWORD)
    assert reply.verdict == "CODE_NEEDED"
    assert reply.get("GRANT") is None and reply.get("UID") is None
    state = reply.get("STATE")
    assert ask(world, c, "SECOND", STATE=state, CODE=typed).verdict == "WRONG", "its step is used"
    after = ask(world, c, "SECOND", STATE=state, CODE=code(world, secret, 1))
    assert after.verdict == "OK", after.text
    assert after.get("UID").decode() == c.uid
    assert secret not in str(world.entry(c.uid))


def test_customer_is_told_by_mail(world):
    c, _ = enrolled(world)
    mail = world.wait_for_mail(c.mail)
    assert mail.reference
    world.wait_for_rest()
    assert len(world.mails(c.mail)) == 1


def test_aborted_and_refused_set_ups_change_nothing_and_mail_nothing(world):
    c = with_password(world)
    before = world.entry(c.uid)
    offers = [offered(world, c) for _ in range(3)]
    assert len({secret_of(offer) for offer in offers}) == 3
    for typed in ("000000", "12345", "", "1234567", "abcdef", "0000-0000-0000-0000", None):
        assert confirm(world, c, offers[0], typed).verdict == "WRONG"
    assert confirm(world, c, offers[0], code(world, secret_of(offers[1]))).verdict == "WRONG"
    after = world.entry(c.uid)
    before.pop("portalLastLogin", None)
    for name in ("portalLastLogin", "portalRevision"):
        after.pop(name, None)
        before.pop(name, None)
    assert after == before
    assert world.mails(c.mail) == []
    assert confirm(world, c, offers[2], code(world, secret_of(offers[2]))).verdict == "OK"


def test_code_of_the_step_before_and_after_works_and_a_wrong_clock_is_told(world):
    for steps in (-1, 1):
        c = with_password(world)
        offer = offered(world, c)
        away_from_the_edge(world)
        assert confirm(world, c, offer, code(world, secret_of(offer), steps)).verdict == "OK"
    c = with_password(world)
    offer = offered(world, c)
    wrong = confirm(world, c, offer, code(world, secret_of(offer), 20))
    assert (wrong.verdict, "Uhr" in wrong.text) == ("WRONG", True)
    wrong = confirm(world, c, offer, code(world, secret_of(offer), -20))
    assert (wrong.verdict, "Uhr" in wrong.text) == ("WRONG", True)
    assert factor(world, c) == set()


def test_answer_that_was_lost_is_given_again(world):
    """The module sends once more when the connection ends before a reply."""
    c = with_password(world)
    offer = offered(world, c)
    typed = code(world, secret_of(offer))
    first, second = (confirm(world, c, offer, typed) for _ in range(2))
    assert (first.verdict, second.verdict) == ("OK", "OK")
    world.wait_for_rest()
    assert len(world.mails(c.mail)) == 1


def test_first_of_two_set_ups_wins(world):
    c = with_password(world)
    first, second = offered(world, c), offered(world, c)
    assert confirm(world, c, second, code(world, secret_of(second))).verdict == "OK"
    late = confirm(world, c, first, code(world, secret_of(first)))
    assert late.verdict == "REFUSED"
    assert "PUK" in late.text
    state = world.portald.authenticate(c.mail, PASSWORD).get("STATE")
    assert ask(world, c, "SECOND", STATE=state, CODE=code(world, secret_of(second), 1)).verdict == "OK"


def test_of_set_ups_at_the_same_moment_one_wins(world):
    c = with_password(world)
    offers = [offered(world, c) for _ in range(6)]
    answers = [None] * len(offers)
    typed = [code(world, secret_of(offer)) for offer in offers]

    def run(i):
        answers[i] = confirm(world, c, offers[i], typed[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(offers))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    verdicts = [answer.verdict for answer in answers]
    assert verdicts.count("OK") == 1, verdicts
    assert set(verdicts) == {"OK", "REFUSED"}, verdicts
    winner = offers[verdicts.index("OK")]
    state = world.portald.authenticate(c.mail, PASSWORD).get("STATE")
    assert ask(world, c, "SECOND", STATE=state, CODE=code(world, secret_of(winner), 1)).verdict == "OK"
    world.wait_for_rest()
    assert len(world.mails(c.mail)) == 1


def test_set_up_twice_is_refused_before_a_secret_is_made(world):
    c, secret = enrolled(world)
    state = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=NUMBERS["WIRE_PURPOSE_CHANGE"]).get("STATE")
    reply = ask(world, c, "SECOND", STATE=state, CODE=code(world, secret, 1))
    assert reply.verdict == "OK"
    assert reply.get("GRANT"), "a grant for changing the password"
    refused = ask(world, c, "ENROLL", GRANT=reply.get("GRANT"))
    assert refused.verdict == "REFUSED"
    assert refused.get("STATE") is None and refused.get("URI") is None


def test_password_must_be_a_personal_one_first(world):
    c = world.customer()
    letter = c.initial()
    reply = world.portald.authenticate(c.mail, letter.password, PURPOSE=NUMBERS["WIRE_PURPOSE_ENROLL"])
    assert (reply.verdict, reply.account) == ("OK", "NEW_PASSWORD")
    refused = ask(world, c, "ENROLL", GRANT=reply.get("GRANT"))
    assert refused.verdict == "REFUSED"
    assert "Passwort" in refused.text
    assert refused.get("STATE") is None


def test_grant_and_state_serve_their_own_request_name_and_service(world):
    c, other = with_password(world), with_password(world)
    token = grant(world, c)
    assert ask(world, other, "ENROLL", GRANT=token).verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL", GRANT=token, service="sshd").verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL", GRANT=token[:-1] + bytes([token[-1] ^ 1])).verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL").verdict == "GRANT_OVER"
    offer = ask(world, c, "ENROLL", GRANT=token)
    typed = code(world, secret_of(offer))
    state = offer.get("STATE")
    for wrong in ({"user": other.mail}, {"service": "sshd"}):
        assert ask(world, c, "ENROLL_CODE", STATE=state, CODE=typed, **wrong).verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL_CODE", STATE=token, CODE=typed).verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL_CODE", CODE=typed).verdict == "GRANT_OVER"
    assert ask(world, c, "SECOND", STATE=state, CODE=typed).verdict != "OK"
    assert ask(world, c, "ENROLL", GRANT=state).verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL_CODE", STATE=state, CODE=typed).verdict == "OK"
    assert factor(world, other) == set()


@pytest.mark.parametrize("change", [
    {"portalPasswordChanged": "20300101000000Z"}, {"portalSessionEpoch": "7"}, {"portalState": "locked"},
    {"portalState": "closed"},
])
def test_state_ends_with_the_password_the_sessions_and_the_account(world, change):
    c = with_password(world)
    offer = offered(world, c)
    token = grant(world, c)
    world.modify(c.uid, **change)
    assert confirm(world, c, offer, code(world, secret_of(offer))).verdict == "GRANT_OVER"
    assert ask(world, c, "ENROLL", GRANT=token).verdict == "GRANT_OVER"
    assert factor(world, c) == set()


def test_state_works_for_10_minutes(fresh_world):
    world = fresh_world
    c = with_password(world)
    offer = offered(world, c)
    world.clock("+9m30s")
    assert confirm(world, c, offer, "000000").verdict == "WRONG"
    world.clock("+40s")
    assert confirm(world, c, offer, code(world, secret_of(offer))).verdict == "GRANT_OVER"
    assert factor(world, c) == set()


def test_english_customer_reads_english(world):
    c = with_password(world, language="en")
    offer = offered(world, c, language="en")
    assert "authenticator app" in offer.text
    done = confirm(world, c, offer, code(world, secret_of(offer)), language="en")
    assert "From now on" in done.text


# What is scanned.


@pytest.mark.parametrize("mail", [
    "a@b.de", "anna.beispiel@versicherung.example", "anna+test=1@example.org",
    "m" * 64 + "@" + ".".join(["x" * 60] * 3) + ".de",
])
def test_qr_code_is_scanned_as_the_uri_whatever_the_address(world, tmp_path, mail):
    c = with_password(world)
    world.modify(c.uid, mail=mail)
    c.mail = mail
    offer = offered(world, c)
    uri = offer.get("URI").decode()
    lines = offer.get("QR").decode().split("\n")
    assert 25 <= len(lines) <= 27
    assert all(len(line.encode()) < 512 for line in lines)
    assert qr.read(lines, tmp_path) == uri
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    label = unquote(parts.path[1:]).rpartition(":")[2]
    assert label and mail.startswith(label)
    assert len(mail) > 60 or label == mail
    assert parse_qs(parts.query)["issuer"]
    assert confirm(world, c, offer, code(world, secret_of(offer))).verdict == "OK"
