"""Registering and confirming: who gets which mail, and what each link does and doesn't do."""

import hashlib
from pathlib import Path

import pytest

from customer import wait_for

HOUR = 3600


def outcome(world, customer):
    """What support sees of the last registration with this customer's policy number."""
    jobs = [j for j in world.portald.control("queue-list", kind="registration")["jobs"] if j["subject"] == customer.policy]
    return jobs[-1]["note"] if jobs and jobs[-1]["state"] == "done" else None


def wait_for_outcome(world, customer):
    return wait_for(lambda: outcome(world, customer), what="the registration's outcome")


def test_link_confirms_once_and_says_so_ever_after(world):
    c = world.customer()
    mail = c.registered()
    assert world.portald.link(mail.token).verdict == "LINK_GOOD"
    assert c.state == "pending"
    assert world.portald.confirm(mail.token).verdict == "OK"
    assert c.show()["mail"] == c.mail
    assert c.state == "initial"
    for _ in range(3):
        assert world.portald.link(mail.token).verdict == "LINK_DONE"
        assert world.portald.confirm(mail.token).verdict == "LINK_DONE"
    assert len(c.show()["letters"]) == 1


def test_looking_at_a_link_changes_nothing(world):
    c = world.customer()
    mail = c.registered()
    before = world.entry(c.uid)
    for _ in range(5):
        assert world.portald.link(mail.token).verdict == "LINK_GOOD"
    assert world.entry(c.uid) == before


def test_what_people_type_is_understood(world):
    c = world.customer()
    year, month, day = c.birthdate.split("-")
    policy = f" {c.policy[:2].lower()} {c.policy[2:5]}.{c.policy[5:7]}-{c.policy[7:]}/"
    reply = world.portald.register(policy, f"{int(day)}.{int(month)}.{year}", f"  {c.mail.upper()} ", again=c.mail)
    assert reply.verdict == "OK"
    assert world.wait_for_mail(c.mail).token


def test_wrong_birthdate_sends_nothing_but_support_sees_the_attempt(world):
    c = world.customer()
    assert world.portald.register(c.policy, "1901-01-01", c.mail).verdict == "OK"
    assert wait_for_outcome(world, c).startswith("no match")
    assert world.mails(c.mail) == []
    assert c.state == "provisioned"
    # What was typed is gone with the end of the job.
    assert c.mail not in str(world.portald.control("queue-list", kind="registration"))


def test_second_registration_to_the_same_address_leaves_both_links_working(world):
    c = world.customer()
    first, second = c.registered(), c.registered()
    assert first.token != second.token
    assert world.portald.link(second.token).verdict == "LINK_GOOD"
    assert world.portald.confirm(first.token).verdict == "OK"
    assert world.portald.confirm(second.token).verdict == "LINK_DONE"


def test_each_link_confirms_its_own_address_and_nothing_else(world):
    c = world.customer()
    first, second = c.registered("eins-" + c.mail), c.registered("zwei-" + c.mail)
    assert world.portald.link(first.token).verdict == "LINK_GOOD"
    assert world.portald.confirm(second.token).verdict == "OK"
    assert c.show()["mail"] == "zwei-" + c.mail
    assert world.portald.confirm(first.token).verdict == "LINK_OVER"
    assert c.show()["mail"] == "zwei-" + c.mail


def test_address_in_use_is_told_to_its_mailbox_and_nobody_else(world):
    owner, other = world.customer(), world.customer()
    owner.confirmed()
    before, theirs = world.entry(owner.uid), len(world.mails(owner.mail))
    other.register(owner.mail.upper())
    mail = world.wait_for_mail(owner.mail, theirs + 1)
    assert mail.token is None
    assert mail.reference
    assert other.state == "provisioned"
    after = world.entry(owner.uid)
    for name in ("mail", "portalState", "userPassword", "portalPUK"):
        assert before[name] == after[name]


def test_address_that_another_customer_confirmed_meanwhile_is_taken(world):
    slow, quick = world.customer(), world.customer()
    mine = slow.registered("gleich@example.org")
    assert slow.state == "pending"
    theirs = quick.registered("Gleich@example.org")
    assert theirs.token != mine.token
    assert world.portald.confirm(theirs.token).verdict == "OK"
    assert world.portald.link(mine.token).verdict == "LINK_TAKEN"
    assert world.portald.confirm(mine.token).verdict == "LINK_TAKEN"
    assert slow.state == "pending"


def test_registered_already_tells_the_confirmed_address(world):
    c = world.customer()
    c.confirmed()
    before = world.entry(c.uid)["userPassword"]
    c.register("fremd-" + c.mail)
    mail = world.wait_for_mail(c.mail, 2)
    assert mail.token is None
    assert world.mails("fremd-" + c.mail) == []
    assert world.entry(c.uid)["userPassword"] == before


@pytest.mark.parametrize("state", ["locked", "closed"])
def test_locked_and_closed_customers_get_nothing_and_support_sees_it(world, state):
    c = world.customer()
    world.modify(c.uid, portalState=state)
    c.register()
    assert state[:4] in wait_for_outcome(world, c) or "contract" in wait_for_outcome(world, c)
    assert world.mails(c.mail) == []


def test_sixth_registration_of_a_day_with_one_policy_number_is_turned_away_whether_it_exists_or_not(world):
    c = world.customer()
    for policy in (c.policy, "GIBTESNICHT1"):
        for _ in range(5):
            assert world.portald.register(policy, "1901-01-01", c.mail).verdict == "OK"
        reply = world.portald.register(policy, "1901-01-01", c.mail)
        assert reply.verdict == "THROTTLED"
        assert reply.text


def test_21st_registration_of_an_hour_from_one_client_is_turned_away(world):
    for i in range(20):
        assert world.portald.register(f"NIE{i}", "1901-01-01", "a@example.org", client="192.0.2.7").verdict == "OK"
    assert world.portald.register("NIE99", "1901-01-01", "a@example.org", client="192.0.2.7").verdict == "THROTTLED"
    assert world.portald.register("NIE99", "1901-01-01", "a@example.org", client="192.0.2.8").verdict == "OK"


def test_fourth_mail_of_an_hour_to_one_address_is_not_sent(world):
    c = world.customer()
    for _ in range(3):
        c.registered()
    c.register()
    assert "too many" in wait_for_outcome(world, c)
    assert len(world.mails(c.mail)) == 3


def test_consent_is_recorded_with_version_hash_and_time(world):
    c = world.customer()
    c.registered()
    consents = sorted(world.entry(c.uid)["portalConsent"])
    for line, name in zip(consents, ("privacy", "terms")):
        text = (Path(world.box.dir) / "texts" / f"{name}.txt").read_bytes()
        words = line.split()
        assert words[:3] == [name, "1", hashlib.sha256(text).hexdigest()]
        assert words[3].endswith("Z")


def test_not_me_wipes_the_registration_before_the_first_personal_password(world):
    c = world.customer()
    mail = c.confirmed()
    assert world.portald.ask("web", "REFERENCE", REFERENCE_CODE=mail.reference, LANGUAGE="de").verdict == "LINK_GOOD"
    assert c.state == "initial"
    assert world.portald.not_me(mail.reference.lower().replace("-", " ")).verdict == "OK"
    entry = world.entry(c.uid)
    assert entry["portalState"] == ["provisioned"]
    for name in ("mail", "userPassword", "portalPUK", "portalPending", "portalInitialPasswordExpires", "portalConsent"):
        assert name not in entry, name
    assert world.portald.confirm(mail.token).verdict == "UNKNOWN"
    assert world.portald.not_me(mail.reference).verdict == "OK"
    # The customer may begin anew.
    assert world.portald.confirm(c.registered().token).verdict == "OK"


def test_mail_is_what_a_mail_should_be(world):
    c = world.customer()
    m = c.registered().message
    assert m["Auto-Submitted"] == "auto-generated"
    assert m["Date"] and m["Message-ID"].startswith("<01")
    assert m["Content-Language"] == "de"
    assert m.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in m.iter_parts()] == ["text/plain", "text/html"]
    assert {p.get_content_charset() for p in m.iter_parts()} == {"utf-8"}
    html = m.get_body(("html",)).get_content()
    assert f'"{world.box["PORTAL_WEB_URL"]}/confirm/' in html and "src=" not in html


def test_english_customer_is_written_to_in_english(world):
    c = world.customer("en")
    mail = c.registered()
    assert mail.message["Content-Language"] == "en"
    assert "Please" in mail.text


def test_link_works_at_47_59_59_and_ends_at_48_hours_after_acceptance(fresh_world):
    w = fresh_world
    early, late = w.customer(), w.customer()
    tokens = [early.registered().token, late.registered().token]
    # The entry tells to the second how long each works; acceptance is told to the directory right after it happened.
    w.wait_for_rest()
    jobs = {j["subject"]: j for j in w.portald.control("queue-list", kind="mail")["jobs"]}
    for c in (early, late):
        assert c.show()["pending"][0]["expires"] == jobs[c.uid]["happened"] + 48 * HOUR
    left = early.show()["pending"][0]["expires"] - 1 - w.now()
    w.clock(f"+{left}s")
    assert w.portald.link(tokens[0]).verdict == "LINK_GOOD"
    assert w.portald.confirm(tokens[0]).verdict == "OK"
    w.clock("+2s")
    assert w.portald.link(tokens[1]).verdict == "LINK_EXPIRED"
    assert w.portald.confirm(tokens[1]).verdict == "LINK_EXPIRED"
    assert late.state == "pending"
    # Registering again helps.
    assert w.portald.confirm(late.registered().token).verdict == "OK"


def test_unsent_mail_is_tried_again_and_its_48_hours_begin_when_it_is_accepted(fresh_world):
    w = fresh_world
    c = w.customer()
    answer = Path(w.box["PORTAL_MAIL_ANSWER"])
    answer.write_text("rcpt 451 later")
    c.register()
    wait_for(lambda: any(j["attempts"] for j in w.portald.control("queue-list", kind="mail")["jobs"]), what="an attempt")
    assert w.mails(c.mail) == []
    answer.unlink()
    w.clock("+6h")
    job = w.portald.control("queue-list", kind="mail")["jobs"][0]["id"]
    w.portald.control("queue-retry", id=job)
    w.wait_for_mail(c.mail)
    w.wait_for_rest()
    assert abs(c.show()["pending"][0]["expires"] - (w.now() + 48 * HOUR)) < 30
