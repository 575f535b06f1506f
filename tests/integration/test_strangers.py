"""What somebody can do who knows a customer's policy number, birthdate or login name and nothing more."""

from concurrent.futures import ThreadPoolExecutor

from customer import PASSWORD, with_password


def test_mailbox_that_was_never_confirmed_can_undo_only_its_own_registration(world):
    c = world.customer()
    strange = c.registered("fremd@example.net")
    own = c.registered()
    assert world.portald.confirm(own.token).verdict == "OK"
    assert world.portald.not_me(strange.reference).verdict == "OK"
    assert c.state == "initial"
    letter = c.letter()
    assert world.login(c.mail, letter.password, PASSWORD, PASSWORD).ok
    assert world.portald.not_me(strange.reference).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert world.portald.not_me(own.reference).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "LOCKED"


def test_mailbox_that_was_never_confirmed_undoes_its_registration(world):
    c = world.customer()
    strange = c.registered("auch-fremd@example.net")
    assert world.portald.not_me(strange.reference).verdict == "OK"
    assert c.state == "provisioned"
    assert world.portald.confirm(strange.token).verdict == "UNKNOWN"


SPELLINGS = [
    "kundin@xn--bcher-kva.example", "kundin@b\u00fccher.example", "KUNDIN@B\u00dcCHER.EXAMPLE", "Kundin@XN--BCHER-KVA.Example",
    "kundin@bu\u0308cher.example", "kundin@b\u00fccher\u3002example", "kundin@b\u00fccher\uff0eexample",
    "kundin@\uff42\u00fccher.example", "kundin@b\u00ad\u00fccher.example",
]
NO_NAMES = [
    "kundin@xn--bcher-kva.example.", "kundin@b\u00fccher.example\u3002", " kundin@xn--bcher-kva.example",
    "kundin@xn--bcher-kva.example ", "kundin@xn--bcher-kva.example\u00a0", "\uff4bundin@xn--bcher-kva.example",
    "kundin+x@xn--bcher-kva.example", "kundin@b\u00fccher.ex\u200dample", "k" * 65 + "@example.org",
    "kundin@" + "b\u00fccher." * 40 + "example",
]


def test_spelling_a_name_in_other_ways_gives_no_more_guesses(world):
    c = with_password(world, mail=SPELLINGS[0])
    for name in SPELLINGS:
        assert world.portald.authenticate(name, PASSWORD).verdict == "OK"
    for name in NO_NAMES:
        reply = world.portald.authenticate(name, PASSWORD)
        assert reply.refused or reply.verdict == "WRONG"
    assert c.show()["failures"]["password"]["count"] == 0
    with ThreadPoolExecutor(16) as pool:
        names = (SPELLINGS + NO_NAMES) * 5
        verdicts = list(pool.map(lambda n: (n in SPELLINGS, world.portald.authenticate(n, "falsch falsch").verdict), names))
    guesses = verdicts.count((True, "WRONG"))
    assert guesses <= 6
    assert c.show()["failures"]["password"]["count"] == guesses
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED"
