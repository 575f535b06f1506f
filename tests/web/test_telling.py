"""No page tells strangers who is a customer: not by a byte, a header, a cookie's length, or the time that it takes."""

import random
import re

import pytest
import test_neutral
from customer import PASSWORD
from recoverer import WRONG, asked, drawer
from test_neutral import TRIES, people
from totp_customer import set_up
from visitor_forms import Forms, unknown_policy

EACH = 4
MOST_ROUNDS = 4
WRONG_PASSWORD = "falsch falsch falsch"
SEALED = re.compile(rb"=[A-Za-z0-9_-]{20,}")


def shape(answer, *names):
    """All of it, with tokens, times and sealed cookies left out but for their lengths."""
    cookies = [SEALED.sub(lambda m: b"=%d" % len(m[0]), line.encode()) for line in answer.headers("Set-Cookie")]
    said = answer.said
    for name in names:
        said = said.replace(name.encode(), b"NAME")
    return answer.status, said, tuple(sorted(cookies))


@pytest.fixture(scope="module")
def crowd(world):
    """kind: customers of it. All have a hash as portald makes it, which the decoy's costs as much as."""
    d = drawer(world)
    everybody = people(world, 6 * EACH)
    kinds = {}
    for kind in ("active", "with codes", "locked", "closed", "initial", "pending"):
        kinds[kind] = [everybody.pop() for _ in range(EACH)]
        for c in kinds[kind]:
            world.modify(c.uid, portalConfirmedMail=c.mail, portalPUK=d.hash)
            if kind == "with codes":
                set_up(world, c)
            elif kind != "active":
                more = {"portalInitialPasswordExpires": "20991231000000Z"} if kind == "initial" else {}
                world.modify(c.uid, portalState=kind, **more)
    return kinds


def names(crowd, kind, number):
    """A login name of that kind; all are as long."""
    known = crowd["active" if kind == "nobody" else kind][number % EACH].mail
    return "x" + known[1:] if kind == "nobody" else known


def shuffled(kinds):
    return random.sample(list(kinds), len(kinds))


def compare(times):
    """By the quicker half of each: what a busy machine adds is never the same, what an answer costs always is."""
    test_neutral.compare({kind: sorted(some)[:max(1, len(some) // 2)] for kind, some in times.items()})


def measure(one_round, times):
    """Rounds of what takes a millisecond, until the medians are alike: what makes them differ each time is no chance."""
    for _ in range(MOST_ROUNDS - 1):
        one_round()
        try:
            return compare(times)
        except AssertionError:
            pass
    one_round()
    return compare(times)


def test_wrong_password_is_answered_alike_whoever_is_meant(site, crowd):
    kinds = [*crowd, "nobody"]
    answers, times = {}, {kind: [] for kind in kinds}
    for turn in range(EACH * (TRIES - 1)):
        for kind in shuffled(kinds):
            forms, name = Forms(site), names(crowd, kind, turn)
            forms.get("/login")
            answer = forms.post("/login", {"mail": name, "password": WRONG_PASSWORD})
            times[kind].append(answer.seconds)
            answers.setdefault(shape(answer, name), set()).add(kind)
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] == 400
    compare(times)


def test_asking_for_a_code_is_answered_alike_whoever_is_meant(site, crowd):
    kinds = [*crowd, "nobody"]
    answers, times = {}, {kind: [] for kind in kinds}

    def one_round():
        for turn in range(2 * EACH):
            for kind in shuffled(kinds):
                forms, name = Forms(site), names(crowd, kind, turn)
                forms.get("/recover/forgotten")
                answer = forms.post("/recover/forgotten", {"mail": name})
                times[kind].append(answer.seconds)
                answers.setdefault((shape(answer), shape(forms.get("/recover/mailed"), name)), set()).add(kind)
    measure(one_round, times)
    assert len(answers) == 1, answers


def test_wrong_code_and_puk_are_answered_alike_whoever_is_meant(world, site, crowd):
    """Known without a code, with one under way, and nobody. The PUK is right, or it would say so of itself."""
    waiting = people(world, EACH)
    for c in waiting:
        world.modify(c.uid, portalConfirmedMail=c.mail, portalPUK=drawer(world).hash)
        asked(world, c)
    some = {**crowd, "code under way": waiting}
    kinds = ["active", "with codes", "locked", "code under way", "nobody"]
    answers, times = {}, {kind: [] for kind in kinds}
    for turn in range(EACH * 3):
        for kind in shuffled(kinds):
            forms, name = Forms(site), names(some, kind, turn)
            forms.get("/recover/mailed")
            answer = forms.post("/recover/mailed", {"mail": name, "code": WRONG, "puk": drawer(world).puk})
            times[kind].append(answer.seconds)
            answers.setdefault(shape(answer, name), set()).add(kind)
    assert len(answers) == 1, answers
    compare(times)


def test_a_new_letter_is_answered_in_the_same_time_whoever_is_meant(world, site, crowd):
    customers = [*crowd["initial"], *crowd["pending"], *crowd["active"]]
    times = {"match": [], "wrong birthdate": [], "nobody": []}
    answers = set()

    def one_round():
        for c in customers:
            kinds = {"match": (c.policy, c.birthdate), "wrong birthdate": (c.policy, "1901-01-01"),
                     "nobody": (unknown_policy(), c.birthdate)}
            for kind in shuffled(kinds):
                forms = Forms(site)
                forms.get("/recover/letter")
                policy, birthdate = kinds[kind]
                answer = forms.post("/recover/letter", {"policy": policy, "birthdate": birthdate, "mail": c.mail})
                if answer.status == 303:  # and not too often with one policy number
                    times[kind].append(answer.seconds)
                    answers.add(shape(answer))
    measure(one_round, times)
    assert len(answers) == 1 and min(map(len, times.values())) >= len(customers)


def test_what_nobody_was_sent_is_answered_alike(site):
    """Links and references are too long to be guessed; that one is unknown is said in as many bytes for each."""
    for path, kinds in (("/confirm/", ("A" * 43, "B" * 42 + "A", "x_-" * 14 + "A")),
                        ("/not-me/", ("00000-00000-00000-00000-000000", "7BCDE-01234-56789-ABCDE-012345"))):
        for method in ("get", "post"):
            seen = set()
            for token in kinds:
                forms = Forms(site)
                answer = forms.get(path + token) if method == "get" else forms.post(path + token, {})
                seen.add(shape(answer, token))
            assert len(seen) == 1, (path, method)


def test_the_throttle_tells_nothing_either(world, site, crowd):
    """After as many failures, known or not, and then with the right password, too."""
    c = people(world, 1)[0]
    seen = {}
    for name in (c.mail, "x" + c.mail[1:]):
        answers = []
        for password in [WRONG_PASSWORD] * (TRIES + 2) + [PASSWORD]:
            forms = Forms(site)
            forms.get("/login")
            answer = forms.post("/login", {"mail": name, "password": password})
            status, said, cookies = shape(answer, name)
            answers.append((status, re.sub(rb"\d+", b"N", said), cookies))
        seen[name] = answers
    first, second = seen.values()
    assert first[-1][0] == 429 and first == second
