"""Another e-mail address, from the wish to the end of the days in which the former one can undo it; and links that are
mailed again. On the real slapd, with the mails that the sink took."""

from concurrent.futures import ThreadPoolExecutor

import ldap
import pytest

import ldap_client
from customer import PASSWORD, wait_for
from recoverer import NEW, asked, settled, with_puk
from totp_customer import code, set_up, state_of
from wire import NUMBERS

CHANGE = 1  # WIRE_PURPOSE_CHANGE
CONFIRM = "Bitte bestätigen Sie Ihre neue E-Mail-Adresse"
MOVED = "Ihre E-Mail-Adresse wurde geändert"
BACK = "Ihr Konto hat wieder diese E-Mail-Adresse"
UNDONE = "Diese E-Mail-Adresse gilt nicht mehr für das Konto"
LOST = "WRONG"


def grant(world, c, password=PASSWORD, **more):
    reply = world.portald.authenticate(c.mail, password, sock="web", PURPOSE=CHANGE, **more)
    assert reply.verdict == "OK", reply.text
    return reply.get("GRANT")


def subjects(world, address):
    world.wait_for_rest()
    return [m.message["Subject"].partition(": ")[2] for m in world.mails(address)]


def wish(world, c, address, **more):
    """Asks for another address, and returns the answer once what follows has happened."""
    reply = world.portald.new_mail(c.mail, grant(world, c), address, **more)
    settled(world)
    return reply


def link_to(world, c, address):
    """Asks for another address and returns the mail with the link."""
    before = len(world.mails(address))
    assert wish(world, c, address).verdict == "OK"
    return world.wait_for_mail(address, before + 1)


def moved(world, c, address):
    """Changes the address, and returns the mail that the former one got."""
    link, former = link_to(world, c, address), c.mail
    reply = world.portald.confirm(link.token)
    assert reply.verdict == "OK", reply.text
    c.mail = address
    return wait_for(lambda: [m for m in world.mails(former) if MOVED in m.message["Subject"]], what="the notice")[-1]


def other(c, word="neu"):
    return f"{word}-{c.uid}@example.org"


def holds(world, c, address):
    entry = world.entry(c.uid)
    return entry["mail"] == [address] == entry["portalConfirmedMail"]


# --- the change ---

def test_the_whole_change(world):
    c = with_puk(world)
    former, new, epoch = c.mail, other(c), int(c.attribute("portalSessionEpoch", 0))
    mailed = asked(world, c)
    link = link_to(world, c, new)
    assert CONFIRM in link.message["Subject"] and world.entry(c.uid)["cn"][0] not in link.text
    assert former not in link.text
    assert world.portald.link(link.token).verdict == "LINK_GOOD"
    assert world.portald.authenticate(former, PASSWORD).verdict == "OK" and holds(world, c, former)
    reply = world.portald.confirm(link.token)
    assert reply.verdict == "OK" and "Brief" not in reply.text and "neue E-Mail-Adresse ist bestätigt" in reply.text
    assert holds(world, c, new) and int(c.attribute("portalSessionEpoch")) == epoch + 1
    assert world.portald.authenticate(new, PASSWORD).verdict == "OK"
    assert world.portald.authenticate(former, PASSWORD).verdict == LOST
    assert world.portald.recover(new, mailed, c.puk).verdict == LOST
    c.mail = new
    notice = world.wait_for_mail(former, 2)
    assert subjects(world, former)[1:] == [MOVED] and subjects(world, new) == [CONFIRM]
    assert new not in notice.text and new not in str(notice.message)
    again = world.portald.confirm(link.token)
    assert again.verdict == "LINK_DONE" == world.portald.link(link.token).verdict and "bereits" in again.text
    assert "Brief" not in again.text


def test_form_is_checked_as_in_registration(world):
    c = with_puk(world)
    for address, again, field in (("nonsense", None, "MAIL_ADDRESS"), (other(c), other(c, "anders"), "MAIL_AGAIN"),
                                  (c.mail.upper(), None, "MAIL_ADDRESS"), (c.mail, None, "MAIL_ADDRESS")):
        reply = world.portald.new_mail(c.mail, grant(world, c), address, again)
        assert reply.verdict == "REFUSED" and reply.text
        assert int.from_bytes(reply.get("FIELD"), "big") == NUMBERS["WIRE_" + field]
    assert "portalPending" not in world.entry(c.uid)


def test_only_the_web_asks(world):
    c = with_puk(world)
    for sock in ("api", "account", "control"):
        assert world.portald.new_mail(c.mail, grant(world, c), other(c), sock=sock).refused


def test_grants_of_other_kinds_serve_nothing(world):
    c, d, e = with_puk(world), with_puk(world), world.customer()
    mailed = asked(world, c)
    recovering = world.portald.recover(c.mail, mailed, c.puk).get("GRANT")
    initial = e.initial().password
    first = world.portald.authenticate(e.mail, initial, sock="web").get("GRANT")
    assert recovering and first
    own, ended = grant(world, c), grant(world, d)
    assert world.portald.change(d.mail, grant(world, d), NEW).verdict == "OK"
    for who, what in ((c, recovering), (e, first), (d, own), (d, ended), (c, b"x" * 100), (c, b"")):
        reply = world.portald.new_mail(who.mail, what, other(who))
        assert reply.verdict == "GRANT_OVER", (who.uid, reply.text)
    settled(world)
    assert not any(world.mails(other(who)) for who in (c, d, e))


def test_address_of_another_is_answered_alike_and_its_mailbox_told(world):
    c, holder = with_puk(world), with_puk(world)
    free, taken = wish(world, c, other(c)), wish(world, c, holder.mail)
    assert free.data == taken.data
    assert len(subjects(world, holder.mail)) == 1 and "portalFormerMail" not in world.entry(c.uid)
    assert not any(CONFIRM in m.message["Subject"] for m in world.mails(holder.mail))


def test_too_many_wishes_are_turned_away(world):
    c = with_puk(world)
    verdicts = [world.portald.new_mail(c.mail, grant(world, c), other(c, f"n{n}")).verdict for n in range(6)]
    assert verdicts == ["OK"] * 5 + ["THROTTLED"]
    settled(world)


def test_newer_wish_takes_the_place_of_the_older(world):
    c = with_puk(world)
    first, second = link_to(world, c, other(c, "eins")), link_to(world, c, other(c, "zwei"))
    assert world.portald.confirm(first.token).verdict == "LINK_OVER"
    assert world.portald.confirm(second.token).verdict == "OK"
    assert holds(world, c, other(c, "zwei"))
    assert world.portald.confirm(first.token).verdict == "LINK_OVER" and holds(world, c, other(c, "zwei"))


def test_two_who_want_one_address(world):
    a, b = with_puk(world), with_puk(world)
    links = [link_to(world, c, other(a)) for c in (a, b)]
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda m: world.portald.confirm(m.token).verdict, links))
    assert sorted(verdicts) == ["LINK_TAKEN", "OK"]
    loser = (a, b)[verdicts.index("LINK_TAKEN")]
    assert holds(world, loser, loser.mail)
    world.wait_for_rest()
    assert not any(MOVED in m.message["Subject"] for m in world.mails(loser.mail))


@pytest.mark.parametrize("what", ["lock", "password", "recovery", "restart", "edit", "not-me"])
def test_what_comes_in_between_ends_the_link(world, what):
    c = with_puk(world)
    own = c.mail
    link = link_to(world, c, other(c))
    if what == "lock":
        assert world.box.ctl("lock", c.uid).returncode == 0 == world.box.ctl("unlock", c.uid).returncode
    elif what == "password":
        assert world.portald.change(c.mail, grant(world, c), NEW).verdict == "OK"
    elif what == "recovery":
        reply = world.portald.recover(c.mail, asked(world, c), c.puk)
        assert world.portald.change(c.mail, reply.get("GRANT"), NEW).verdict == "OK"
    elif what == "restart":
        assert world.box.ctl("restart", c.uid).returncode == 0
    elif what == "not-me":
        assert world.portald.not_me(link.reference).verdict == "OK"
        assert c.state == "active"
    else:
        own = other(c, "verwaltet")
        with ldap_client.bound(world.box, "admin") as connection:
            connection.modify_s(f"uid={c.uid},{ldap_client.customers_base(world.box)}",
                                [(ldap.MOD_REPLACE, "mail", [own.encode()])])
    reply = world.portald.confirm(link.token)
    assert reply.verdict == "LINK_OVER", reply.text
    assert world.entry(c.uid)["mail"] == [own] and "portalFormerMail" not in world.entry(c.uid)


# --- the way back ---

def test_former_address_undoes_it_and_the_customer_comes_back(world):
    c = with_puk(world)
    former, new = c.mail, other(c)
    notice = moved(world, c, new)
    session = grant(world, c)
    world.portald.authenticate(new, "falsch falsch falsch")
    look = world.portald.reference(notice.reference)
    assert look.verdict == "LINK_GOOD" and look.get("KIND") == b"mail" and holds(world, c, new)
    reply = world.portald.not_me(notice.reference)
    assert reply.verdict == "OK" and "PUK" in reply.text
    assert holds(world, c, former) and c.state == "active" and "portalFormerMail" not in world.entry(c.uid)
    for name in (former, new):
        assert world.portald.authenticate(name, PASSWORD).verdict == LOST
    assert world.portald.new_mail(new, session, other(c, "x")).verdict == "GRANT_OVER"
    assert subjects(world, former)[-1] == BACK and subjects(world, new)[-1] == UNDONE
    cn = world.entry(c.uid)["cn"][0]
    assert cn not in world.mails(new)[-1].text and cn in world.mails(former)[-1].text
    # Again: nothing happens, and the account isn't locked.
    assert world.portald.not_me(notice.reference).verdict == "OK"
    assert world.portald.not_me(world.mails(new)[-1].reference).verdict == "OK"
    assert c.state == "active" and subjects(world, former).count(BACK) == 1
    c.mail = former
    recovering = world.portald.recover(former, asked(world, c), c.puk)
    assert recovering.verdict == "OK", recovering.text
    assert world.portald.change(former, recovering.get("GRANT"), NEW).verdict == "OK"
    assert world.portald.authenticate(former, NEW).verdict == "OK"


def test_first_address_undoes_what_followed_too(world):
    c = with_puk(world)
    first, second, third = c.mail, other(c, "zwei"), other(c, "drei")
    early = moved(world, c, second)
    late = moved(world, c, third)
    assert len(world.entry(c.uid)["portalFormerMail"]) == 2
    assert world.portald.not_me(early.reference).verdict == "OK"
    assert holds(world, c, first) and "portalFormerMail" not in world.entry(c.uid)
    # The thief's own mailbox can't take it again.
    assert world.portald.reference(late.reference).get("KIND") == b"account"
    assert world.portald.not_me(late.reference).verdict == "OK"
    assert world.entry(c.uid)["mail"] == [first]


def test_address_in_between_undoes_its_own_and_the_first_goes_on(world):
    c = with_puk(world)
    first, second, third = c.mail, other(c, "zwei"), other(c, "drei")
    early = moved(world, c, second)
    late = moved(world, c, third)
    assert world.portald.not_me(late.reference).verdict == "OK"
    assert holds(world, c, second)
    assert world.portald.not_me(early.reference).verdict == "OK"
    assert holds(world, c, first) and c.state == "active"


def test_over_an_administrators_change_it_locks(world):
    for told in (True, False):
        c = with_puk(world)
        notice = moved(world, c, other(c))
        world.wait_for_rest()
        edited = other(c, "verwaltet")
        if told:
            with ldap_client.bound(world.box, "admin") as connection:
                    connection.modify_s(f"uid={c.uid},{ldap_client.customers_base(world.box)}",
                                    [(ldap.MOD_REPLACE, "mail", [edited.encode()])])
            wait_for(lambda c=c, e=edited: world.entry(c.uid)["portalConfirmedMail"] == [e], what="notice of it")
            assert "portalFormerMail" not in world.entry(c.uid)
        else:
            world.modify(c.uid, mail=edited)
        assert world.portald.not_me(notice.reference).verdict == "OK"
        assert c.state == "locked" and world.entry(c.uid)["mail"] == [edited]


def test_former_address_is_kept_from_others(world):
    c, d, e = with_puk(world), with_puk(world), world.customer()
    former = c.mail
    notice = moved(world, c, other(c))
    world.wait_for_rest()
    count = len(world.mails(former))
    assert wish(world, d, former).verdict == "OK"
    e.register(former)
    settled(world)
    told = subjects(world, former)[count:]
    assert len(told) == 2 and not any("bestätigen" in s for s in told) and e.state == "provisioned"


def test_the_customer_may_go_back(world):
    c = with_puk(world)
    former = c.mail
    notice = moved(world, c, other(c))
    link = link_to(world, c, former)
    assert world.portald.confirm(link.token).verdict == "OK"
    c.mail = former
    assert holds(world, c, former)
    assert world.portald.reference(notice.reference).get("KIND") == b"mail"


def test_address_that_another_got_all_the_same_locks(world):
    c, thief = with_puk(world), with_puk(world)
    former = c.mail
    notice = moved(world, c, other(c))
    world.modify(thief.uid, mail=former)
    assert world.portald.not_me(notice.reference).verdict == "OK"
    assert c.state == "locked" and world.entry(c.uid)["mail"] == [other(c)]
    world.modify(thief.uid, mail=thief.mail)
    world.wait_for_rest()


def test_second_factor_that_came_since_goes_and_the_one_before_stays(world):
    c = with_puk(world)
    notice = moved(world, c, other(c))
    set_up(world, c)
    assert "portalTOTPSecret" in world.entry(c.uid)
    assert world.portald.not_me(notice.reference).verdict == "OK"
    assert "portalTOTPSecret" not in world.entry(c.uid) and "portalTOTPLastStep" not in world.entry(c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == LOST
    d = set_up(world, with_puk(world))
    former = d.mail
    proven = world.portald.second(d.mail, state_of(world, d, PURPOSE=CHANGE), code(world, d)).get("GRANT")
    assert world.portald.new_mail(d.mail, proven, other(d)).verdict == "OK"
    assert world.portald.confirm(world.wait_for_mail(other(d)).token).verdict == "OK"
    before = world.entry(d.uid)["portalTOTPSecret"]
    world.wait_for_rest()
    notice = [m for m in world.mails(former) if MOVED in m.message["Subject"]][-1]
    assert world.portald.not_me(notice.reference).verdict == "OK"
    assert holds(world, d, former) and world.entry(d.uid)["portalTOTPSecret"] == before


def test_presses_at_the_same_time(world):
    c = with_puk(world)
    former, new = c.mail, other(c)
    link = link_to(world, c, new)
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda _: world.portald.confirm(link.token).verdict, range(4)))
    assert set(verdicts) <= {"OK", "LINK_DONE"} and "OK" in verdicts
    assert subjects(world, former) == [MOVED]
    c.mail = new
    notice, second = world.mails(former)[0], link_to(world, c, other(c, "drei"))
    with ThreadPoolExecutor(5) as pool:
        confirming = pool.submit(world.portald.confirm, second.token)
        undoing = [pool.submit(world.portald.not_me, notice.reference) for _ in range(4)]
        assert confirming.result().verdict in ("OK", "LINK_OVER")
        assert {u.result().verdict for u in undoing} == {"OK"}
    assert holds(world, c, former) and c.state == "active" and "portalFormerMail" not in world.entry(c.uid)
    assert subjects(world, former).count(BACK) == 1


def test_forgetting_leaves_no_address(world):
    c = with_puk(world)
    former, new = c.mail, other(c)
    moved(world, c, new)
    link_to(world, c, other(c, "drei"))
    world.wait_for_rest()
    assert world.box.ctl("forget", c.uid, "--yes").returncode == 0
    text = str(world.entry(c.uid)) + str(world.portald.control("queue-list", all=True))
    assert not any(address in text for address in (former, new, other(c, "drei")))


def test_show_lint_and_explain_say_it(world):
    c = with_puk(world)
    former = c.mail
    moved(world, c, other(c))
    link_to(world, c, other(c, "drei"))
    world.wait_for_rest()
    shown = c.show()
    assert [f["address"] for f in shown["former_mails"]] == [former] and shown["new_mail"] == other(c, "drei")
    assert former in world.box.ctl("show", c.uid).stdout
    explained = world.box.ctl("--json", "explain", c.uid).stdout
    assert "undo" in explained and former in explained
    assert f"{c.uid}:" not in world.box.ctl("lint").stdout


# --- another link ---

def test_link_again_mails_only_where_something_waits(world):
    c, done = world.customer(), world.customer()
    waiting, used = c.registered(), done.confirmed()
    answers = [world.portald.link_again(t) for t in (waiting.token, used.token, "A" * 43, "nonsense", None)]
    assert len({a.data for a in answers}) == 1 and answers[0].verdict == "OK"
    assert world.wait_for_mail(c.mail, 2).token not in (None, waiting.token)
    settled(world)
    world.wait_for_rest()
    assert len([m for m in world.mails(done.mail) if m.token]) == 1
    assert world.portald.confirm(world.mails(c.mail)[1].token).verdict == "OK"


def test_link_again_of_a_change(world):
    c = with_puk(world)
    new = other(c)
    first = link_to(world, c, new)
    assert world.portald.link_again(first.token).verdict == "OK"
    second = world.wait_for_mail(new, 2)
    assert CONFIRM in second.message["Subject"]
    assert world.portald.confirm(second.token).verdict == "OK" and holds(world, c, new)
    assert world.portald.confirm(first.token).verdict == "LINK_DONE"
    count = len(subjects(world, new))
    world.portald.link_again(first.token)
    settled(world)
    assert len(subjects(world, new)) == count


# --- time ---

def test_hours_of_the_link_and_days_of_the_way_back(fresh_world):
    w = fresh_world
    c, late, spare = with_puk(w), with_puk(w), with_puk(w)
    former = c.mail
    old = link_to(w, late, other(late))
    w.wait_for_rest()
    notice = moved(w, c, other(c))
    w.wait_for_rest()
    w.clock("+48h")
    assert w.portald.link(old.token).verdict == "LINK_EXPIRED"
    assert "noch seine bisherige" in w.portald.confirm(old.token).text
    w.portald.link_again(old.token)
    assert w.portald.confirm(w.wait_for_mail(other(late), 2).token).verdict == "OK"
    w.wait_for_rest()
    w.clock("+4d23h")
    assert w.portald.reference(notice.reference).get("KIND") == b"mail"
    w.clock("+61min")
    assert w.portald.reference(notice.reference).get("KIND") == b"account"
    wait_for(lambda: "portalFormerMail" not in w.entry(c.uid), 90, "the end of the way back")
    assert "portalFormerMail" in w.entry(late.uid)
    assert w.portald.confirm(link_to(w, spare, former).token).verdict == "OK"
    assert w.portald.not_me(notice.reference).verdict == "OK" and c.state == "locked"
