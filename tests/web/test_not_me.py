""""This wasn't me": harmless to open, says what its button does, does that, and takes references typed from paper."""

import pytest
import raw_http
from customer import with_password
from visitor_forms import Forms, errors, plain, value_of, wish_for_mail

LANGUAGES = ("de", "en")
ASKED = "Wasn't it you?"
UNKNOWN = "00000-00000-00000-00000-000000"


def look(site, reference, language="de", method="GET"):
    return raw_http.request(site, method, f"/not-me/{reference}", headers={"Accept-Language": language})


def press(site, reference, language="de"):
    return raw_http.post(site, f"/not-me/{reference}", {}, Accept_Language=language)


def type_in(site, typed, language="de"):
    return raw_http.post(site, "/not-me", {"reference": typed}, Accept_Language=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_first_password_the_button_wipes_the_registration(world, site, language):
    c, say = world.customer(), Forms(site, language).say
    reference = c.registered().reference
    for method in ("GET", "HEAD", "GET"):
        answer = look(site, reference, language, method)
        assert answer.status == 200
    assert c.state == "pending"
    assert f"<h1>{say(ASKED)}</h1>" in answer.text
    assert say("Protect the account") in answer.text and answer.text.partition("<main")[2].count("<button") == 1
    done = press(site, reference, language)
    assert done.status == 200 and say("Thank you for telling us") in plain(done.text)
    assert c.state == "provisioned"


def test_afterwards_the_button_locks_the_account(world, site):
    c = world.customer()
    c.active()
    reference = world.wait_for_mail(c.mail, 2).reference
    assert look(site, reference).status == 200 and c.state == "active"
    assert press(site, reference).status == 200
    assert c.state == "locked"
    # A second press finds nothing left to do, and is no error.
    assert press(site, reference).status == 200 and c.state == "locked"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_change_of_address_is_taken_back(world, site, language):
    c, say = with_password(world), Forms(site, language).say
    new = f"moved-{c.mail}"
    wish_for_mail(world, c, new)
    assert raw_http.post(site, f"/confirm/{world.wait_for_mail(new).token}", {}).status == 200
    reference = world.wait_for_mail(c.mail).reference
    answer = look(site, reference, language)
    assert answer.status == 200 and say("Take back the change of e-mail address") in plain(answer.text)
    assert say("Take back the change") in answer.text and say("Protect the account") not in plain(answer.text)
    assert world.entry(c.uid)["mail"] == [new]
    assert press(site, reference, language).status == 200
    assert world.entry(c.uid)["mail"] == [c.mail]


def test_a_reference_may_be_typed_as_people_do(world, site):
    reference = world.customer().registered().reference
    bare = reference.replace("-", "")
    page = raw_http.get(site, "/not-me")
    assert page.status == 200 and 'action="/not-me"' in page.text
    for typed in (reference, bare.lower(), f"  {reference.replace('-', ' ')} ", bare.replace("0", "O").replace("1", "l"),
                  f"https://portal.example.org/not-me/{reference}"):
        answer = type_in(site, typed)
        assert (answer.status, answer.header("Location")) == (303, f"/not-me/{reference}"), typed
    assert look(site, bare.lower()).status == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_reference_is_named_at_the_field(site, language):
    for typed in ("", "4711", "0" * 25, "0" * 27, "U" * 26, '"><script>alert(1)</script>'):
        answer = type_in(site, typed, language)
        assert answer.status == 404 and tuple(errors(answer.text)) == ("reference",)
        assert value_of(answer.text, "reference") == typed and "<script>alert" not in answer.text
    for answer in (look(site, "4711", language), press(site, "4711", language)):
        assert answer.status == 404 and tuple(errors(answer.text)) == ("reference",)


def test_an_unknown_reference_is_said_to_be_unknown(site):
    for answer in (look(site, UNKNOWN), press(site, UNKNOWN)):
        assert answer.status == 404 and tuple(errors(answer.text)) == ("reference",)
        assert value_of(answer.text, "reference") == UNKNOWN
