"""Asking for a new letter oneself once the initial password has expired: who gets one, who is told something else, and that
the answer says nothing about it."""

import random
import time

import pytest

from customer import wait_for, with_password
from test_neutral import compare

COMES, WORKS, ASK, HAS = ("Ein neuer Brief kommt", "Ihr Startpasswort gilt noch", "wegen Ihres Briefes",
                          "Sie haben schon ein Passwort")
LONG_AGO, LATER = "20200101000000Z", "20991231225959Z"
NEW = "Sonne hinter dem Deich"


def history(w, policy):
    """What the queue says of the requests with this policy number, the newest last."""
    jobs = w.portald.control("queue-list", kind="registration", all=True, most=1000)["jobs"]
    return [j for j in jobs if j["topic"] == "new-letter" and j["subject"] == policy]


def ask(w, c, policy=None, birthdate=None, mail=None, **more):
    """Asks, waits until the clerk has decided, and returns what the queue says of it."""
    policy = policy or c.policy
    before = len(history(w, policy))
    reply = w.portald.new_letter(policy, birthdate or c.birthdate, mail or c.mail, **more)
    assert reply.verdict == "OK", reply.text

    def decided():
        found = history(w, policy)
        return len(found) > before and found[-1]["state"] == "done" and found[-1]
    return wait_for(decided, what="the clerk's decision")["note"]


def mails(w, c, subject):
    return [m for m in w.mails(c.mail) if subject in m.message["Subject"]]


def mail(w, c, subject):
    return wait_for(lambda: mails(w, c, subject), what=subject)[-1]


def letters(c):
    return sorted(c.show()["letters"], key=lambda x: x["job"])


def expired(w, c):
    """Once its letter is printed: that sets the end anew."""
    w.modify(c.uid, portalInitialPasswordExpires=LONG_AGO)


def test_expired_password_is_renewed_by_letter_and_the_mailbox_is_told(world):
    c = world.customer()
    old = c.initial()
    expired(world, c)
    epoch = int(c.attribute("portalSessionEpoch", "0"))
    assert world.portald.authenticate(c.mail, old.password).verdict == "EXPIRED"
    assert "a new letter is queued" in ask(world, c, birthdate=c.birthdate, mail=f" {c.mail.upper()} ")
    told = mail(world, c, COMES)
    assert told.reference and c.mail in told.recipient.lower()
    new = wait_for(lambda: len(letters(c)) == 2 and letters(c)[-1]["state"] == "printed" and c.letter(), what="the letter")
    assert new.password != old.password and new.puk != old.puk
    assert int(c.attribute("portalSessionEpoch", "0")) == epoch + 1
    assert world.portald.authenticate(c.mail, old.password).verdict == "WRONG"
    login = world.login(c.mail, new.password, NEW, NEW)
    assert login.ok, login.output
    world.wait_for_rest()
    assert "portalJob" not in world.entry(c.uid)


def test_this_was_not_me_in_its_mail_takes_the_letter_back(world):
    c = world.customer()
    c.initial()
    expired(world, c)
    ask(world, c)
    assert world.portald.not_me(mail(world, c, COMES).reference).verdict == "OK"
    assert c.state == "provisioned"


def test_password_that_works_still_brings_no_letter_but_its_last_day(world):
    c = world.customer()
    c.initial()
    world.modify(c.uid, portalInitialPasswordExpires=LATER)
    assert "hasn't expired" in ask(world, c)
    assert "31. Dezember 2099" in mail(world, c, WORKS).text
    assert len(letters(c)) == 1 and not mails(world, c, COMES)


def test_second_request_finds_the_first_ones_letter(world):
    c = world.customer()
    c.initial()
    expired(world, c)
    assert "a new letter is queued" in ask(world, c)
    assert "hasn't expired" in ask(world, c)
    mail(world, c, WORKS)
    assert len(letters(c)) == 2


def test_personal_password_stays_and_its_owner_hears_how_to_recover(world):
    c = with_password(world)
    assert "has a personal password" in ask(world, c)
    told = mail(world, c, HAS)
    assert "PUK" in told.text and told.reference
    assert world.portald.authenticate(c.mail, "Regen auf dem Zeltdach").verdict == "OK"
    assert letters(c) == []


def test_letter_that_came_back_is_not_sent_to_the_same_address_again(world):
    c = world.customer()
    c.initial()
    job = letters(c)[0]["job"]
    done = world.box.ctl("letters", "returned", job)
    assert done.returncode == 0, done.stderr
    assert "came back" in ask(world, c)
    mail(world, c, ASK)
    assert len(letters(c)) == 1
    world.modify(c.uid, postalAddress="Erika Beispiel$Neue Gasse 1$50667 Koeln")
    assert "a new letter is queued" in ask(world, c)
    # It waits, and is announced, as any letter to another address than the last one.
    wait_for(lambda: mails(world, c, COMES), what="the mail")
    assert letters(c)[-1]["state"] == "queued"
    note = world.portald.control("queue-show", id=letters(c)[-1]["job"])
    assert note["job"]["due"] > world.now() + 2 * 86400


def test_fourth_letter_in_thirty_days_is_for_support(world):
    c = world.customer()
    c.initial()
    value, = world.entry(c.uid)["portalLetter"]
    kind, job, _, when = value.split()
    earlier = [f"{kind} {digit}{job[1:]} posted {when}" for digit in "05"]  # ids that nothing else has
    world.modify(c.uid, portalLetter=[value, *earlier])
    expired(world, c)
    assert "too many letters" in ask(world, c)
    mail(world, c, ASK)
    assert len(letters(c)) == 3
    world.modify(c.uid, portalLetter=[value, earlier[0]])
    assert "a new letter is queued" in ask(world, c)


def test_whoever_knows_less_than_all_three_sends_nothing(world):
    c, other = world.customer(), world.customer()
    c.initial()
    expired(world, c)
    world.wait_for_rest()
    before = len(world.mails())
    assert "no match" in ask(world, c, birthdate="1901-01-01")
    assert "no match" in ask(world, c, mail="jemand@example.net")
    assert "no match" in ask(world, c, policy="GIBTESNICHT7")
    assert "no match" in ask(world, other)
    assert "no match" in ask(world, c, policy=other.policy)
    world.wait_for_rest()
    assert len(world.mails()) == before
    assert len(letters(c)) == 1 and other.state == "provisioned"


@pytest.mark.parametrize("wish", ["lock", "close"])
def test_nothing_is_sent_to_a_locked_or_closed_account(world, wish):
    c = with_password(world)
    assert world.box.ctl(wish, c.uid).returncode == 0
    world.wait_for_rest()
    before = len(world.mails(c.mail))
    assert "nothing sent" in ask(world, c)
    world.wait_for_rest()
    assert len(world.mails(c.mail)) == before


def test_no_more_than_three_mails_an_hour_that_the_address_did_not_ask_for(world):
    c = with_password(world)
    notes = [ask(world, c) for _ in range(4)]
    assert all("is told" in n for n in notes[:3]) and notes[3] == "not sent: too many mails to this address"
    world.wait_for_rest()
    assert len(mails(world, c, HAS)) == 3


def test_sixth_request_with_a_policy_number_in_a_day_is_turned_away_known_or_not(world):
    c = with_password(world)
    answers = set()
    for policy in (c.policy, "GIBTESNICHT8"):
        for _ in range(5):
            assert world.portald.new_letter(policy, c.birthdate, c.mail).verdict == "OK"
        reply = world.portald.new_letter(policy, c.birthdate, c.mail)
        assert reply.verdict == "THROTTLED"
        answers.add(reply.text.split(" in ")[0])
    assert len(answers) == 1
    # Who asked in vain may still register, and the other way round.
    assert world.portald.register("GIBTESNICHT8", c.birthdate, c.mail).verdict == "OK"
    world.wait_for_rest()


def test_twenty_first_request_from_a_client_in_an_hour_is_turned_away_registrations_counted_with_them(world):
    client = "198.51.100.201"
    for i in range(10):
        assert world.portald.new_letter(f"NIX{i}", "1950-01-01", "x@example.net", client=client).verdict == "OK"
        assert world.portald.register(f"NIX{i}", "1950-01-01", "x@example.net", client=client).verdict == "OK"
    assert world.portald.new_letter("NIX99", "1950-01-01", "x@example.net", client=client).verdict == "THROTTLED"
    assert world.portald.register("NIX99", "1950-01-01", "x@example.net", client=client).verdict == "THROTTLED"


def test_field_that_is_wrong_is_named(world):
    good = {"POLICY": "VN1", "BIRTHDATE": "1950-01-01", "MAIL_ADDRESS": "x@example.net"}
    for name in good:
        reply = world.portald.ask("web", "LETTER_WANTED", LANGUAGE="de", **{**good, name: "?"})
        assert reply.verdict == "REFUSED" and reply.get("FIELD"), name
    for sock in ("api", "account", "print", "support"):
        assert world.portald.ask(sock, "LETTER_WANTED", LANGUAGE="de", **good).refused


def test_portalctl_asks_as_the_form_does(world):
    c = world.customer()
    c.initial()
    expired(world, c)
    done = world.box.ctl("new-letter", "--policy", c.policy, "--birthdate", c.birthdate, "--mail", c.mail, "--language", "en")
    assert done.returncode == 0 and "It says whether a new letter is coming" in done.stdout, done.stderr
    mail(world, c, COMES)
    done = world.box.ctl("new-letter", "--policy", c.policy, "--birthdate", "gestern", "--mail", c.mail)
    assert done.returncode == 1 and "--birthdate" in done.stderr


def test_answers_are_alike_in_text_and_time_whoever_asks(fresh_world):
    w = fresh_world
    crowd = [w.customer() for _ in range(8)]
    for c in crowd[:4]:
        c.initial()
    has = [with_password(w) for _ in range(4)]
    w.wait_for_rest()
    answers, samples = set(), {"letter": [], "works": [], "has password": [], "not registered": [], "no match": []}
    for i in range(20):
        # Five requests a day with one policy number.
        if i and i % 4 == 0:
            w.clock("+1d")
        for c in crowd[:2]:
            expired(w, c)
        kinds = {"letter": crowd[i % 2], "works": crowd[2 + i % 2], "has password": has[i % 4],
                 "not registered": crowd[4 + i % 4], "no match": None}
        for name, c in random.sample(list(kinds.items()), len(kinds)):
            policy, birthdate, address = (c.policy, c.birthdate, c.mail) if c else (f"NIX{i}", "1950-01-01", "x@example.net")
            began = time.perf_counter()
            reply = w.portald.new_letter(policy, birthdate, address)
            samples[name].append(time.perf_counter() - began)
            assert reply.verdict == "OK"
            answers.add(reply.data)
    assert len(answers) == 1
    compare(samples)
