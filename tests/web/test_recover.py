"""What helps when something was lost: the password, the phone, the letter, or everything."""

import pytest
import raw_http
from customer import wait_for
from recoverer import NEW, WRONG, asked, codes_of, with_puk
from totp_customer import code, set_up

VARIANTS = [("de", True), ("en", False)]


@pytest.fixture(params=VARIANTS, ids=["german-script", "english-plain"])
def p(request, portal):
    return portal(language=request.param[0], javascript=request.param[1])


@pytest.fixture
def english(portal):
    """Where neither language nor script makes a difference."""
    return portal(language="en", javascript=False)


def mailed(world, c):
    return wait_for(lambda: codes_of(world, c), what="the code")[-1]


def test_forgotten_password_takes_code_and_puk(p, world):
    c = with_puk(world)
    p.forgot(c.mail).is_at("Enter code and PUK")
    assert p.shows("If there is an account with this e-mail address, a code is on its way to it.")
    digits = mailed(world, c)
    p.enter_mailed(WRONG, c.puk).is_at("Enter code and PUK")
    assert p.tab.status == 400 and c.puk not in p.tab.source
    p.enter_mailed(digits, c.puk).is_at("Choose a new password")
    p.choose_password(NEW).is_at("My account")
    assert p.shows("Your new password is set, and you are logged in. Your PUK was used with that and isn't valid any more.")
    assert p.shows("a letter with a new one is on its way to you")
    assert world.login(c.mail, NEW).ok


def test_code_of_the_app_is_still_asked_for(english, world):
    c = set_up(world, with_puk(world))
    english.forgot(c.mail).enter_mailed(mailed(world, c), c.puk).choose_password(NEW).is_at("Enter the code")
    english.go("/account").is_at("Log in")
    english.go("/recover/code").enter_code(code(world, c)).is_at("My account")


def test_code_that_was_asked_for_elsewhere_is_taken(english, world):
    c = with_puk(world)
    digits = asked(world, c)
    english.go("/recover/forgotten").follow("I have a code already").fill("E-mail address", c.mail)
    english.enter_mailed(digits, c.puk).is_at("Choose a new password")


def test_mistyped_puk_is_put_back_for_comparing(english, world):
    english.forgot("somebody@example.org").enter_mailed(WRONG, "7K3F-9QXM-2B4T-HW6V").is_at("Enter code and PUK")
    assert english.tab.field(english.say("PUK from your letter")).value == "7K3F-9QXM-2B4T-HW6V"
    assert english.tab.field(english.say("Code from the e-mail")).value == WRONG


@pytest.mark.parametrize("code_typed, puk, said", [
    ("", "7K3F-9QXM-2B4T-HW6V", "Please enter the code from our e-mail."),
    (WRONG, "", "Please enter the PUK from your letter."),
])
def test_what_is_missing_is_named(english, code_typed, puk, said):
    english.forgot("somebody@example.org").enter_mailed(code_typed, puk)
    assert english.shows(said)


def test_known_and_unknown_addresses_are_answered_alike(world, site):
    c = with_puk(world)
    seen = []
    for name in (c.mail, "x" + c.mail[1:]):
        client = raw_http.Client(site)
        client.get("/recover/forgotten")
        sent = client.post("/recover/forgotten", {"mail": name})
        seen.append((sent.said, client.get("/recover/mailed").said.replace(name.encode(), b"NAME")))
    assert b"<h1>" in seen[0][1] and seen[0] == seen[1]


def test_code_is_said_to_be_on_its_way_only_where_one_was_asked_for(english):
    sent = "If there is an account with this e-mail address, a code is on its way to it."
    english.go("/recover/mailed").is_at("Enter code and PUK")
    assert not english.shows(sent)
    assert english.forgot("nobody@example.org").shows(sent)


def test_page_names_all_four_ways(english):
    english.go("/recover").is_at("Help with logging in")
    for path in ("/recover/forgotten", "/login", "/recover/letter"):
        assert english.site + path in english.tab.links
    assert "service@versicherung.example" in english.tab.text


def test_wrong_place_leads_to_the_beginning(english):
    english.go("/recover/code").is_at("Please start again")
