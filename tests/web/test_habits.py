"""What people do with a browser that no form foresees: two tabs, the back button, reloading, pressing twice, a session
that ends while they type."""

import base64
import re

import otp
import pytest
from customer import PASSWORD, with_password
from recoverer import NEW
from totp_customer import code, unused, with_totp

VARIANTS = [("de", True), ("en", False)]
FIRST = "initial password from the letter"
# Pages that say something went wrong. What worked must never lead to one.
ALARMS = ("Please send it once more", "That did not work", "This request can't be understood")


@pytest.fixture(params=VARIANTS, ids=["german-script", "english-plain"])
def p(request, portal):
    return portal(language=request.param[0], javascript=request.param[1])


@pytest.fixture
def english(portal):
    return portal(language="en", javascript=False)


def tab_of(p):
    """Another tab of the same browser."""
    return type(p)(p.tab.visitor.tab(), p.site)


def with_first(world):
    return with_password(world, FIRST, state="initial", portalInitialPasswordExpires="20991231000000Z")


def begin(p, password=PASSWORD):
    return p.fill("Current password", password).press("Continue")


# --- two tabs ---

def test_two_logins_in_two_tabs_are_the_last_ones(p, world):
    """Two people at one computer: nobody ends in the other's account without seeing whose it is."""
    mine, theirs = with_totp(world), with_totp(world)
    other = tab_of(p)
    p.log_in(mine.mail, PASSWORD).is_at("Enter the code")
    other.log_in(theirs.mail, PASSWORD).is_at("Enter the code")
    p.enter_code(code(world, mine)).is_at("Please start again")
    p.go("/account").is_at("Log in")
    other.enter_code(code(world, theirs)).is_at("My account")
    assert theirs.mail in p.go("/account").tab.text


def test_login_form_of_before_another_tabs_login_changes_nothing(english, world):
    mine, theirs = with_password(world), with_password(world)
    other = tab_of(english)
    english.go("/login")
    other.log_in(theirs.mail, PASSWORD).is_at("My account")
    english.fill("E-mail address", mine.mail).fill("Password", PASSWORD).press("Log in").is_at("Please send it once more")
    assert theirs.mail in english.follow("Open the page anew").tab.text


def test_two_changes_of_password_in_two_tabs_make_one(english, world):
    p, c = english, with_password(world)
    other = tab_of(p)
    p.log_in(c.mail, PASSWORD).go("/password")
    begin(p).is_at("Choose a new password")
    other.go("/password").is_at("Choose a new password")
    p.choose_password(NEW).is_at("My account")
    other.choose_password("Wolken über dem Acker")
    assert other.tab.status in (403, 410)
    assert other.is_at("Please start again" if other.tab.status == 410 else "Please send it once more")
    assert world.login(c.mail, NEW).ok


def test_logging_out_in_one_tab_logs_out_in_the_other(english, world):
    p, c = english, with_password(world)
    other = tab_of(p)
    p.log_in(c.mail, PASSWORD)
    other.go("/account").is_at("My account")
    p.press("Log out").is_at("You are logged out")
    other.press("Log out")
    assert other.tab.heading in (other.say("You are logged out"), other.say("Please send it once more"))
    other.go("/account").is_at("Log in")


# --- the back button ---

def test_back_after_logging_out_shows_nothing_of_the_account(p, world):
    c = with_password(world)
    p.log_in(c.mail, PASSWORD).go("/account/mail")
    p.go("/logout")
    p.tab.arrive(p.tab.all("button", p.say("Log out"))[-1].click, "the end of the session")
    p.is_at("You are logged out")
    for _ in range(2):
        p.tab.back()
        assert c.mail not in p.tab.text and world.entry(c.uid)["cn"][0] not in p.tab.text
        assert p.tab.heading in map(p.say, ("Log in", "You are logged out"))


def test_back_after_the_login_shows_no_password(p, world):
    c = with_totp(world)
    p.go("/login").fill("E-mail address", c.mail).fill("Password", PASSWORD).press("Log in").is_at("Enter the code")
    p.tab.back()
    assert PASSWORD not in p.tab.evaluate("document.documentElement.outerHTML")
    if p.tab.heading == p.say("Log in"):
        assert p.tab.field(p.say("Password")).value == ""
    p.tab.forward()
    p.is_at("Enter the code")
    p.enter_code(code(world, c)).is_at("My account")
    p.tab.back()
    p.is_at("My account")


def test_back_after_a_change_of_password_leads_to_no_form_that_works(english, world):
    c = with_password(world)
    english.log_in(c.mail, PASSWORD).go("/password")
    begin(english).choose_password(NEW).is_at("My account")
    english.tab.back()
    assert NEW not in english.tab.evaluate("document.documentElement.outerHTML")
    if english.tab.has("Save the password"):
        english.choose_password("Wolken über dem Acker")
        assert english.tab.status in (403, 410)
    assert world.login(c.mail, NEW).ok


def test_back_after_setting_up_codes_shows_no_secret(english, world):
    c = with_password(world)
    english.log_in(c.mail, PASSWORD).go("/totp")
    begin(english).is_at("Set up codes from an app")
    secret = english.secret
    digits = otp.code(base64.b32decode(secret), at=world.now())
    english.fill("Code from the app", digits).press("Finish").is_at("Codes from the app are set up")
    english.tab.back()
    assert secret not in re.sub(r"\s", "", english.tab.evaluate("document.documentElement.outerHTML"))


# --- reloading what a form led to ---

def ways(world):
    """Each form that does something: how to get to what it leads to, as name: function(p)."""
    c, first, stranger = with_password(world), with_first(world), world.customer()
    return {
        "register": lambda p: p.register(stranger),
        "forgotten": lambda p: p.forgot(c.mail),
        "wrong password": lambda p: p.log_in(c.mail, "Wolken"),
        "login": lambda p: p.log_in(c.mail, PASSWORD),
        "first password": lambda p: p.log_in(first.mail, FIRST).choose_password(PASSWORD),
        "new mail": lambda p: begin(p.log_in(c.mail, PASSWORD).go("/account/mail")).fill(
            "New e-mail address", f"re-{c.mail}").fill("New e-mail address, once more", f"re-{c.mail}").press("Mail the link"),
        "sessions": lambda p: p.log_in(c.mail, PASSWORD).go("/account/sessions").press("Log out everywhere"),
        "password": lambda p: begin(p.log_in(c.mail, PASSWORD).go("/password")).choose_password(NEW),
    }


def test_reloading_what_a_form_led_to_shows_the_same_page(world, portal):
    for name, way in ways(world).items():
        p = portal(language="en", javascript=False)
        way(p)
        before, path = p.tab.heading, p.tab.path
        p.tab.reload()
        assert (p.tab.heading, p.tab.path) == (before, path), name
        assert p.tab.heading not in ALARMS, name


# --- pressing twice ---

def twice(p, text):
    """Two clicks, as fast as a hand can make them; then what the browser shows in the end."""
    button = p.tab.button(p.say(text))
    before = len(p.tab.documents)
    button.run("function() { this.scrollIntoView() }")
    quads = p.tab.call("DOM.getContentQuads", backendNodeId=button.id)["quads"]
    across, down = sum(quads[0][0::2]) / 4, sum(quads[0][1::2]) / 4

    def click():
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                p.tab.send("Input.dispatchMouseEvent", type=kind, x=across, y=down, button="left", clickCount=count)
    p.tab.arrive(click, f"the page behind two clicks on “{text}”")
    p.tab.wait(lambda: len(p.tab.documents) > before and p.tab.evaluate("document.readyState") == "complete", "the page")
    return p


@pytest.mark.parametrize("path", ["/login", "/register", "/recover/forgotten", "/not-me"])
def test_script_stops_the_second_click_until_the_page_is_shown_again(portal, path):
    """Asked after the page's own script; what it lets through is stopped here, so that the page stays."""
    p = portal(language="en").go(path)
    p.tab.evaluate("""(() => { const form = document.querySelector('main form'); window.stopped = [];
        form.addEventListener('submit', e => { window.stopped.push(e.defaultPrevented); e.preventDefault() });
        window.press = () => form.querySelector("button:not([type='button'])").click(); form.noValidate = true })()""")
    assert p.tab.evaluate("press(), press(), press(), stopped.join()") == "false,true,true"
    assert p.tab.evaluate("dispatchEvent(new Event('pageshow')), stopped = [], press(), stopped.join()") == "false"


def test_two_clicks_do_once_what_one_does(p, world):
    """With and without the script that would stop the second."""
    c = with_password(world)
    p.go("/login").fill("E-mail address", c.mail).fill("Password", PASSWORD)
    twice(p, "Log in").is_at("My account")
    p.go("/account/mail")
    p.fill("Current password", PASSWORD)
    twice(p, "Continue").is_at("Change your e-mail address")
    assert p.tab.has(p.say("Mail the link"))


def test_two_clicks_on_registering_and_confirming_are_no_error(p, world):
    c = world.customer()
    p.go("/register")
    p.fill("Policy number", c.policy).fill("Date of birth of the policyholder", c.birthdate)
    p.fill("E-mail address", c.mail).fill("E-mail address once more", c.mail)
    p.check("I have read the privacy notice.").check("I accept the terms of use.")
    twice(p, "Register").is_at("Thank you. Please look into your mailbox now.")
    p.open_link(world.wait_for_mail(c.mail).token)
    twice(p, "Confirm now")
    assert p.tab.heading in map(p.say, ("Your e-mail address is confirmed", "This is done already"))
    assert c.state == "initial"


def test_two_clicks_on_a_code_lead_in_or_say_why_not(p, world):
    c = with_totp(world)
    p.log_in(c.mail, PASSWORD).fill("Code from the app", code(world, c))
    twice(p, "Continue")
    if p.tab.visitor.javascript:
        p.is_at("My account")
    assert p.tab.heading in map(p.say, ("My account", "Enter the code", "Please start again", "Please send it once more"))
    unused(world, c)


def test_two_clicks_on_a_new_password_leave_a_password_that_was_chosen(p, world):
    c = with_first(world)
    p.log_in(c.mail, FIRST).fill("New password", PASSWORD)
    if not p.tab.visitor.javascript:
        p.fill("New password, once more", PASSWORD)
    twice(p, "Save the password")
    if p.tab.visitor.javascript:
        p.is_at("Your password is set")
    p.tab.wait(lambda: world.login(c.mail, PASSWORD).ok, "the password that was typed")
    # A page that can't know which click it answers doesn't say that nothing was changed.
    assert p.tab.heading in map(p.say, ("Your password is set", "Please start again", "Log in"))
    assert not re.search("nothing was changed|nichts geändert", p.tab.text, re.I)


# --- a session that ends while somebody types ---

def forms():
    """How to get to each form behind the login, and what presses its button."""
    return {
        "password again": (lambda p: p.go("/password").fill("Current password", PASSWORD), "Continue"),
        "new password": (lambda p: begin(p.go("/password")).fill("New password", NEW).fill("New password, once more", NEW),
                         "Save the password"),
        "new address": (lambda p: begin(p.go("/account/mail")).fill("New e-mail address", "x@example.net").fill(
            "New e-mail address, once more", "x@example.net"), "Mail the link"),
        "first code": (lambda p: begin(p.go("/totp")).fill("Code from the app", "123456"), "Finish"),
        "everywhere": (lambda p: p.go("/account/sessions"), "Log out everywhere"),
        "log out": (lambda p: p.go("/account"), "Log out"),
    }


def test_form_whose_session_ended_meanwhile_changes_nothing_and_leads_back(world, portal):
    c = with_password(world)
    opened = {}
    for name, (open_form, button) in forms().items():
        opened[name] = portal(language="en", javascript=False).log_in(c.mail, PASSWORD), button
        open_form(opened[name][0])
    last = portal(language="en", javascript=False).log_in(c.mail, PASSWORD)
    world.modify(c.uid, portalSessionEpoch="90")
    last.tab.wait(lambda: last.go("/account").tab.heading == "Log in", "the end of the last session")
    for name, (p, button) in opened.items():
        p.press(button)
        if p.tab.heading == "Please send it once more":
            p.follow("Open the page anew")
        assert p.tab.heading in ("Log in", "You are logged out"), f"{name}: {p.tab.text}"
    assert world.login(c.mail, PASSWORD).ok and not world.mails("x@example.net")
