"""Links from mails: harmless to open, one button, and a page of its own for whatever became of them."""

import pytest
import raw_http
from customer import with_password
from visitor_forms import Forms, plain, wish_for_mail

LANGUAGES = ("de", "en")
UNKNOWN = "A" * 43


def open_link(site, token, language="de", method="GET"):
    """As a mail program's own browser does: without a cookie."""
    return raw_http.request(site, method, f"/confirm/{token}", headers={"Accept-Language": language})


def press(site, token, language="de", **fields):
    return raw_http.post(site, f"/confirm/{token}", fields, Accept_Language=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_button_confirms(world, site, language):
    c, say = world.customer(), Forms(site, language).say
    token = c.registered().token
    for method in ("GET", "HEAD", "GET"):
        answer = open_link(site, token, language, method)
        assert answer.status == 200
    assert c.state == "pending"
    assert f"<h1>{say('Confirm your e-mail address')}</h1>" in answer.text
    assert answer.text.partition("<main")[2].count("<button") == 1 and say("Confirm now") in answer.text
    done = press(site, token, language)
    assert done.status == 200 and say("Your e-mail address is confirmed") in plain(done.text)
    assert c.state == "initial" and c.letter().password


def test_what_worked_is_never_an_error(world, site):
    c, say = world.customer(), Forms(site).say
    older = c.registered().token
    newer = c.registered().token
    assert press(site, newer).status == 200
    for answer in (press(site, newer), open_link(site, newer), press(site, older), open_link(site, older)):
        assert answer.status == 200 and say("This is done already") in plain(answer.text)
        assert "<form" not in answer.text.partition("<main")[2]


def test_an_address_that_somebody_else_confirmed_is_said_to_be_taken(world, site):
    first, second, say = world.customer(), world.customer(), Forms(site).say
    token = second.registered(first.mail).token
    first.registered()
    mine = [m.token for m in world.mails(first.mail) if m.token != token][0]
    assert press(site, mine).status == 200
    for answer in (open_link(site, token), press(site, token)):
        assert answer.status == 410 and say("This address belongs to another account") in plain(answer.text)
        assert 'href="/register"' in answer.text
    assert second.state == "pending"


def test_a_link_to_another_address_than_the_confirmed_one_is_over(world, site):
    c, say = world.customer(), Forms(site).say
    token = c.registered(f"other-{c.mail}").token
    assert press(site, c.registered().token).status == 200
    for answer in (open_link(site, token), press(site, token)):
        assert answer.status == 410 and say("This link is over") in plain(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_that_nobody_knows_is_told_from_one_that_was_cut(site, language):
    say = Forms(site, language).say
    for answer in (open_link(site, UNKNOWN, language), press(site, UNKNOWN, language)):
        assert answer.status == 404 and say("We don't know this link") in plain(answer.text)
    assert raw_http.get(site, "/confirm").status == open_link(site, "", language).status == 404
    for cut in ("abc", UNKNOWN[:-1], UNKNOWN + "A", "A" * 900, "%3Cscript%3E"):
        answer = open_link(site, cut, language)
        assert answer.status == 404 and say("This link is not complete") in plain(answer.text), cut
        assert "<script>" not in answer.text.partition("<main")[2]


def test_an_expired_link_brings_a_new_one(fresh_world):
    """Its page says so, also to whoever presses the button on a page that was open for too long."""
    world = fresh_world
    site, c = world.box["PORTAL_WEB_URL"].rstrip("/"), world.customer()
    old = c.registered().token
    world.clock("+48h")
    for language in LANGUAGES:
        say = Forms(site, language).say
        for answer in (open_link(site, old, language), press(site, old, language)):
            assert answer.status == 410 and say("This link has expired") in plain(answer.text)
            assert f'action="/confirm/{old}"' in answer.text and 'name="again"' in answer.text
    assert c.state == "pending"
    answer = press(site, old, again="1")
    assert answer.status == 200 and Forms(site).say("Please look into your mailbox") in plain(answer.text)
    new = world.wait_for_mail(c.mail, 2).token
    assert new != old
    assert press(site, new).status == 200 and c.state == "initial"


def test_sending_again_says_the_same_of_links_that_nobody_has(world, site):
    """Whatever the link is: where nothing is sent, that isn't told."""
    c = world.customer()
    done = c.registered().token
    assert press(site, done).status == 200
    taken, unknown = press(site, done, again="1"), press(site, UNKNOWN, again="1")
    assert (taken.status, plain(taken.text)) == (unknown.status, plain(unknown.text))


def test_the_token_is_neither_in_the_title_nor_sent_on(world, site):
    token = world.customer().registered().token
    answer = open_link(site, token)
    title = answer.text.partition("<title>")[2].partition("</title>")[0]
    assert token not in title and token not in answer.head
    assert answer.header("Referrer-Policy") == "no-referrer" and answer.header("Cache-Control") == "no-store"
    assert not [line for line in answer.text.splitlines() if token in line and "http" in line]


def test_the_same_page_confirms_a_change_of_address(world, site):
    c = with_password(world)
    new = f"new-{c.mail}"
    wish_for_mail(world, c, new)
    token = world.wait_for_mail(new).token
    opened = open_link(site, token)
    assert opened.status == 200 and opened.text.partition("<main")[2].count("<button") == 1
    assert world.entry(c.uid)["mail"] == [c.mail]
    done = press(site, token)
    assert done.status == 200 and world.entry(c.uid)["mail"] == [new]
    assert "Brief" not in plain(done.text) and press(site, token).status == 200
