"""Forward auth with the shipped nginx configurations, TLS, a browser and curl: any application behind the proxy gets login,
forced change and code, and who somebody is; nobody gets in by another way."""

import base64
import http.client
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import ldap
import ldap_client
import pytest
from browser import Chromium
from customer import PASSWORD, wait_for, with_password
from forward_auth import APP, OTHER, PORTAL, Site, Somebody, got
from totp_customer import code, unused, with_totp
from wire import NUMBERS

CHANGE = NUMBERS["WIRE_PURPOSE_CHANGE"]
NEW = "Nebel hinter der Scheune"
PAGE = "/contract/7?part=a%20b&x=%26%2F&y=1"
# What a browser claims about itself; the underscores are for applications that read headers as CGI does.
CLAIMS = ("Remote-User: somebody", "remote-user: somebody", "Remote_User: somebody", "Remote-Email: x@example.org",
          "Remote_Email: x@example.org", "X-Forwarded-User: somebody")
PARALLEL = 200
POSTS = 120  # a minute, as posts_per_client is by default
CODE_LIFE = 30
IDLE = 30 * 60
SECONDS = 20
ROUND = 5  # page, callback, portal, callback, page


@pytest.fixture(scope="module", name="clock_library")
def clock_library_fixture(tmp_path_factory):
    library = tmp_path_factory.mktemp("clock") / "moved_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("moved_clock.c")], check=True)
    return library


@pytest.fixture(scope="module", name="front")
def front_fixture(world, tmp_path_factory, clock_library):
    made = Site(world, tmp_path_factory.mktemp("f"), clock_library)
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(front):
    return front.portal


@pytest.fixture(scope="module")
def chromium(front, tmp_path_factory):
    """One that trusts our certificate."""
    made = Chromium(tmp_path_factory.mktemp("chromium"),
                    [f"--ignore-certificate-errors-spki-list={front.certificates.public_key_hash}"])
    yield made
    made.close()


@pytest.fixture(name="somebody")
def somebody_fixture(front):
    """Makes people with curl who know nothing of each other."""
    return lambda: Somebody(front)


@pytest.fixture(name="inside")
def inside_fixture(front, world):
    """Makes people who are logged in at an application, and says which customer they are."""
    def make(at=None, c=None):
        one = Somebody(front)
        one.customer = c or with_password(world)
        at = at or front.app + "/"
        assert user_at(one.log_in(one.customer, PASSWORD, at)) == one.customer.uid
        one.at = at
        return one
    return make


def user_at(answer):
    """Who the application thinks that is; the page is the application's."""
    assert answer.status == 200 and "<h1>Application</h1>" in answer.body, answer.said
    return "".join(got(answer.body)[1].get("remote-user", []))


def is_in(person, at=None):
    answer = person.get(at or person.at)
    if answer.status != 200:
        return False
    assert user_at(answer) == person.customer.uid
    return True


def place(front, where):
    """An application's address: on a host of its own, or below a path of the portal's."""
    return front.app + PAGE if where == "other host" else f"{front.portal}/inside{PAGE}"


PLACES = pytest.mark.parametrize("where", ["other host", "own host"])


# Getting in.

def ask_at(p, address, c, password=PASSWORD):
    """Opens an application's page, and fills in the login that comes first."""
    p.tab.open(address)
    p.is_at("Log in")
    p.fill("E-mail address", c.mail).fill("Password", password).press("Log in")


@PLACES
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"])
def test_browser_comes_back_to_the_very_page(front, portal, world, where, javascript):
    c, p = with_password(world), portal(language="de", javascript=javascript)
    address = place(front, where)
    ask_at(p, address, c)
    p.tab.wait(lambda: p.tab.heading == "Application", "the application")
    assert p.tab.url == address
    path, headers = got(p.tab.source)
    assert path == address[len(front.app if where == "other host" else front.portal):]
    assert (headers["remote-user"], headers["remote-email"]) == ([c.uid], [c.mail])
    # Logged in once is logged in at the others, too, without a page in between.
    p.tab.open(front.other + "/")
    assert got(p.tab.source)[1]["remote-user"] == [c.uid] and p.tab.url == front.other + "/"


def test_forced_change_comes_before_the_application(front, portal, world):
    c = with_password(world, state="initial", portalInitialPasswordExpires="20991231000000Z")
    seen, p = len(front.application.seen), portal(language="en", javascript=False)
    for _ in range(2):  # going around it leads to the login again
        ask_at(p, front.app + PAGE, c)
        p.is_at("Choose your personal password")
    assert len(front.application.seen) == seen
    p.choose_password(NEW).follow("Later")
    p.tab.wait(lambda: p.tab.heading == "Application", "the application")
    assert got(p.tab.source)[1]["remote-user"] == [c.uid] and p.tab.url == front.app + PAGE


def test_code_from_the_app_comes_before_the_application(front, world, somebody):
    c, one = with_totp(world), somebody()
    answer = one.log_in(c, PASSWORD, front.app + PAGE)
    assert answer.status == 200 and "Application" not in answer.body
    assert one.get(front.app + PAGE).status == 303
    unused(world, c)
    assert user_at(one.send(answer, "/login/code", code=code(world, c))) == c.uid
    assert one.trail[-1] == front.app + PAGE


# What the application gets, and what not.

@PLACES
def test_headers_of_the_client_are_overwritten(front, world, somebody, inside, where):
    at = place(front, where)
    one = inside(at)
    path, headers = got(one.get(at, headers=CLAIMS + one.PAGE).body)
    assert headers["remote-user"] == [one.customer.uid] and headers["remote-email"] == [one.customer.mail]
    assert not [name for name in headers if "_" in name]
    seen, stranger = len(front.application.seen), somebody()
    assert stranger.get(at, headers=CLAIMS + one.PAGE).status == 303
    assert stranger.get(at, headers=(*CLAIMS, f"Cookie: __Host-portal-session={'x' * 80}; __Host-portal-app={'x' * 80}")).status == 401
    assert len(front.application.seen) == seen


def test_application_sees_the_cookies_of_its_own_host_only(front, inside):
    one = inside(front.app + "/")
    assert user_at(one.go(f"{front.portal}/inside/")) == one.customer.uid
    cookies = one.cookies
    assert set(cookies) == {PORTAL, APP}
    shown = got(one.get(front.app + "/").body)[1]["cookie"][0]
    assert set(shown.replace("; ", "=").split("=")[::2]) == set(cookies[APP])
    assert not [value for value in cookies[PORTAL].values() if value in shown]


def test_changed_address_is_the_one_that_is_handed_on_from_then_on(front, world, inside):
    one = inside()
    new = f"neu-{one.customer.uid}@example.org"
    world.modify(one.customer.uid, mail=new, portalConfirmedMail=new)

    def emails():
        return got(one.get(one.at).body)[1]["remote-email"] == [new]
    wait_for(emails, SECONDS, "the new address")
    assert all(emails() for _ in range(5))


def test_what_is_no_page_gets_401_and_no_redirect(front, somebody):
    one = somebody()
    for headers in (("Accept: */*",), ("Accept: image/avif,image/webp,*/*;q=0.8",), ("Accept: application/json",)):
        answer = one.get(front.app + "/data", headers=headers)
        assert answer.status == 401 and not answer.header("Location"), answer.said


# Getting out.

def test_logout_new_password_and_lock_end_the_application_within_seconds(front, world, inside, somebody):
    people = {name: inside() for name in ("logout", "everywhere", "elsewhere", "password", "lock", "stays")}
    inside_portal = inside(f"{front.portal}/inside/", people["logout"].customer)

    def press(name, page, path, **fields):
        return people[name].send(people[name].go(front.portal + page), path, **fields)
    assert all(is_in(one) for one in people.values())
    press("logout", "/logout", "/logout")
    press("everywhere", "/account/sessions", "/account/sessions/all")
    # By the same customer in another browser.
    another = somebody()
    another.log_in(people["elsewhere"].customer, PASSWORD)
    another.send(another.go(f"{front.portal}/account/sessions"), "/account/sessions/all")
    choose(world, people["password"].customer, NEW)
    lock(world, people["lock"].customer)
    began = time.monotonic()
    for name, one in people.items():
        if name != "stays":
            wait_for(lambda one=one: not is_in(one), SECONDS, f"the end by {name}")
    assert is_in(people["stays"]) and is_in(inside_portal)
    assert time.monotonic() - began < SECONDS


def choose(world, c, new):
    """Another password, in another browser."""
    grant = world.portald.authenticate(c.mail, PASSWORD, sock="web", service="web", PURPOSE=CHANGE).get("GRANT")
    assert world.portald.change(c.mail, grant, new, sock="web", service="web").verdict == "OK"


def lock(world, c):
    """As an administrator does it."""
    with ldap_client.bound(world.box, "admin") as connection:
        connection.modify_s(f"uid={c.uid},{ldap_client.customers_base(world.box)}",
                            [(ldap.MOD_REPLACE, "portalRequest", [b"lock"])])


def test_using_the_application_alone_keeps_all_of_the_session(front, inside):
    one, other = inside(), inside()
    try:
        for minutes in (20, 40, 60):
            front.set_clock(minutes * 60)
            assert is_in(one), minutes
        # The portal itself, too, which was not opened for an hour.
        assert one.get(f"{front.portal}/account").status == 200
        assert not is_in(other)
        front.set_clock(60 * 60 + IDLE)
        assert not is_in(one)
    finally:
        front.set_clock(0)


def test_restarts_lose_no_session_and_no_request(front, world, inside):
    one, own, busy = inside(), inside(f"{front.portal}/inside/"), inside()
    stop, answers = threading.Event(), []

    def use():
        while not stop.is_set():
            answers.append(busy.get(busy.at).status)
    user = threading.Thread(target=use)
    user.start()
    try:
        front.restart_web()
        assert is_in(one) and is_in(own)
        front.restart_web()
        wait_for(lambda: len(answers) >= 20, SECONDS, "20 answers")
    finally:
        stop.set()
        user.join()
    assert set(answers) == {200}, answers
    world.box.restart("portald")
    assert is_in(one) and is_in(own)


def test_login_in_the_second_of_a_restart_works(front, world, inside, somebody):
    one = inside()
    front.restart_web()
    one.trail.clear()
    assert user_at(one.go(front.other + "/")) == one.customer.uid
    assert len(one.trail) <= ROUND, one.trail


# One-time codes.

def test_code_works_once_for_one_host_and_one_browser(front, inside, somebody):
    one = inside()
    url = one.code(front.other + "/a?b=c")
    thief = somebody()
    thief.get(front.other + "/")  # has a browser's secret of its own
    thief.go(front.other + "/")
    assert_no_entry(thief, url, front.other)
    assert_no_entry(somebody(), url, front.other)  # has none
    answer = one.get(url)
    assert answer.status == 303 and answer.header("Location") == "/a?b=c"
    assert user_at(one.get(front.other + "/a?b=c")) == one.customer.uid
    kept = {name: value for name, value in one.cookies[OTHER].items() if name.endswith("-browser")}
    again = somebody()
    headers = (f"Cookie: {'; '.join(f'{name}={value}' for name, value in kept.items())}", *one.PAGE)
    replayed = again.get(url, headers=headers)
    assert replayed.status == 303 and "/auth/continue?request=" in replayed.header("Location")
    assert again.get(front.other + "/").status == 303


def assert_no_entry(one, url, host):
    one.get(url)
    assert one.get(host + "/").status == 303


def test_code_is_refused_at_another_host_and_altered(front, inside):
    one = inside()
    url = one.code(front.other + "/")
    value = url.partition("code=")[2]
    one.get(f"{front.stranger}/auth/callback?code={value}")
    assert one.get(f"{front.portal}/auth/callback?code={value}").status == 404
    at_app = one.get(f"{front.app}/auth/callback?code={value}")
    assert "/auth/continue?request=" in at_app.header("Location")
    raw = bytearray(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    for at in (0, 20, len(raw) // 2, len(raw) - 1):
        changed = bytes(raw[:at]) + bytes([raw[at] ^ 1]) + bytes(raw[at + 1:])
        text = base64.urlsafe_b64encode(changed).decode().rstrip("=")
        assert "/auth/continue" in one.get(f"{front.other}/auth/callback?code={text}").header("Location")
    for text in (value[:-1], value + "A", value + "=", "x", "%00", "../" * 9):
        assert one.get(f"{front.other}/auth/callback?code={text}").status in (303, 400)
    assert one.get(front.other + "/").status == 303
    assert one.get(url).header("Location") == "/"


def test_code_lives_for_thirty_seconds(front, inside):
    one = inside()
    try:
        early, late = one.code(front.other + "/"), one.code(front.other + "/late")
        began = time.time()
        front.set_clock(CODE_LIFE + 1)
        assert "/auth/continue" in one.get(late).header("Location")
        front.set_clock(0)
        early = one.code(front.other + "/")
        began = time.time()
        front.set_clock(CODE_LIFE - 10)
        answer = one.get(early)
        assert time.time() - began < 9, "this machine was too slow to tell"
        assert answer.header("Location") == "/"
    finally:
        front.set_clock(0)


def test_code_from_before_a_restart_is_refused_and_another_one_fetched(front, inside):
    one = inside()
    url = one.code(front.other + "/")
    front.restart_web()
    assert "/auth/continue" in one.get(url).header("Location")
    assert user_at(one.go(url)) == one.customer.uid


# Where nobody is sent.

AWAY = ("https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example/", "/%5cevil.example/", "/%2fevil.example",
        "/.//evil.example/", "/..//evil.example/", "https:evil.example", "javascript:alert(1)", "/\t/evil.example/",
        "https://app.example.org@evil.example/", "https://app.example.org.evil.example/", "https://evil.example\\@app.example.org/",
        "https://app.example.org:1/", "http://app.example.org/", " /x", "/x\r\nSet-Cookie: a=b", "/x\r\n\r\n<script>")


@pytest.mark.parametrize("path", ["/login?to=", "/auth/callback?to="])
def test_no_address_sends_anybody_away(front, inside, path):
    one = inside()
    host = front.portal if "login" in path else front.other
    for to in AWAY:
        answer = one.get(f"{host}{path}{quote(to, safe='')}")
        assert b"\nset-cookie: a=" not in answer.data.lower() and b"<script>" not in answer.data
        while to_next := one.step(answer):
            assert urlsplit(to_next).netloc in (urlsplit(front.portal).netloc, urlsplit(front.other).netloc), (to, to_next)
            answer = one.get(to_next)
        assert urlsplit(one.trail[-1]).path in ("/", "/account", "/login"), (to, one.trail[-1])


HOSTS = ("evil.example", "app.example.org", "app.example.org:1", "app.example.org:{port}@evil.example", "x@app.example.org:{port}",
         "app.example.org:{port}.evil.example", "app.example.org.:{port}", "evil.example, app.example.org:{port}",
         "app.example.org:{port},evil.example", "app.example.org:{port}/evil.example", "app.example.org:{port}\\evil.example",
         "evilapp.example.org:{port}", ".example.org:{port}", "[::1]", "app.example.org:{port} ", "app.example.org:0{port}")


def test_only_known_hosts_may_ask_and_get_anywhere(front, inside):
    one = inside()
    cookie = "; ".join(f"{name}={value}" for name, value in {**one.cookies[APP], **one.cookies[PORTAL]}.items())
    for host in HOSTS:
        spelt = host.format(port=front.port)
        for path in ("/auth", "/auth/callback?to=/x"):
            answer = front.ask(path, X_Forwarded_Host=spelt, Cookie=cookie, X_Forwarded_Uri="/x", Accept="text/html",
                               X_Forwarded_Method="GET", X_Original_URL=f"https://{spelt}/x").stdout.decode()
            status = int(answer.split(" ", 2)[1])
            assert status in (403, 404), (host, path, answer)
            assert "evil" not in answer
    assert one.get(front.stranger + "/").status == 403
    assert one.get(front.stranger + "/auth/callback?to=/").status == 404


def test_what_nginx_says_of_the_page_is_all_that_counts(front, somebody):
    one = somebody()
    lies = ("X-Forwarded-Host: evil.example", "X-Forwarded-Uri: //evil.example/", "X-Original-URL: https://evil.example/",
            "X-Forwarded-Proto: http", "X-Forwarded-Method: POST", "Forwarded: host=evil.example", "X-Original-URI: /evil",
            "X-Rewrite-URL: /evil")
    for at in (front.app + "/page", f"{front.portal}/inside/page"):
        assert one.get(at, headers=lies + one.PAGE).header("Location") == one.get(at).header("Location")
    assert one.get(f"{front.portal}/login", headers=lies + one.PAGE).status == 200
    assert one.get(f"{front.portal}/auth", headers=lies).status == 404
    assert one.get(f"{front.portal}/portal-auth", headers=lies).status == 404
    assert one.get(f"{front.app}/portal-auth", headers=lies).status == 404
    assert one.get(f"{front.portal}/auth/", headers=lies).status == 404


@pytest.mark.parametrize("page", ["/a%0d%0aSet-Cookie:%20a=b", "/a?b=%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<script>", "/a?b=%00",
                                  "//evil.example/", "/a?" + "b" * 6000])
def test_no_path_makes_a_header_or_leads_away(front, somebody, page):
    one = somebody()
    answer = one.get(front.app + page)
    to = one.step(answer)
    assert answer.status == 303 and to.startswith(front.app + "/auth/callback?to="), answer.said
    while to:
        assert urlsplit(to).hostname in (PORTAL, APP) and "set-cookie: a" not in str(answer.data).lower()
        answer = one.get(to)
        to = one.step(answer)
    assert answer.status == 200 and urlsplit(one.trail[-1]).path == "/login"


def test_browser_without_cookies_ends_on_a_page(front, inside):
    one = inside()
    portal = "; ".join(f"{name}={value}" for name, value in one.cookies[PORTAL].items())

    class Forgetful(Somebody):
        """Keeps the portal's cookies, and takes none from elsewhere."""
        def get(self, path="/", name=None, password=None, headers=Somebody.PAGE):
            self.jar.unlink(missing_ok=True)
            more = (f"Cookie: {portal}",) if path.startswith(front.portal) else ()
            return super().get(path, name, password, (*headers, *more))
    forgetful = Forgetful(front)
    answer = forgetful.go(front.other + "/")
    assert answer.status == 400 and "Cookies" in answer.body and "problem=cookies" in forgetful.trail[-1]


def test_cookie_that_never_holds_ends_on_a_page(front, inside):
    """As where the application itself takes the session's cookie away."""
    one = inside()
    for _ in range(25):
        answer = one.get(f"{front.other}/auth/callback?to=/")
        if "problem=round" in answer.header("Location"):
            break
    assert one.get(answer.header("Location")).status == 400


# When something is away, or wants too much.

def test_nobody_gets_in_while_something_is_away(front, world, inside, somebody):
    one, stranger = inside(), somebody()
    seen = len(front.application.seen)
    away = front.dir / "away.sock"
    front.stop_web()
    front.socket.rename(away)
    try:
        for who in (one, stranger):
            assert who.get(one.at).status in (500, 502, 503)
    finally:
        away.rename(front.socket)
        front.start_web()
    assert is_in(one)
    world.box.stop("portald")
    try:
        front.restart_web()  # which remembers nobody's last answer
        for _ in range(2):
            assert one.get(one.at).status in (500, 503)
        assert stranger.get(one.at).status == 303
        assert len(front.application.seen) == seen + 1
    finally:
        world.box.start("portald")
    assert is_in(one)


def test_forwarded_for_of_the_client_counts_for_nothing(front, somebody):
    answers = posts(front, somebody().source, POSTS + 10)
    assert answers[:POSTS] == [403] * POSTS and set(answers[POSTS:]) == {429}
    assert posts(front, somebody().source, 1) == [403]


def posts(front, source, count):
    """What so many forms are answered, each with another X-Forwarded-For, over one connection."""
    context = ssl.create_default_context(cafile=str(front.certificates.authority))
    found = []
    with socket.create_connection(("127.0.0.1", front.port), source_address=(source, 0)) as plain:
        connection = http.client.HTTPConnection(PORTAL)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock = context.wrap_socket(plain, server_hostname=PORTAL)
        for n in range(count):
            connection.request("POST", "/login", "mail=x", {"Content-Type": "application/x-www-form-urlencoded",
                                                              "X-Forwarded-For": f"203.0.113.{n}"})
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        connection.close()
    return found


@pytest.mark.parametrize("version, delay", [("--http2", 0), ("--http1.1", 0), ("--http1.1", 1)],
                         ids=["http2", "http1", "slow portald"])
def test_many_requests_at_once_ask_portald_once_in_two_seconds(front, inside, version, delay):
    one = inside()
    front.restart_web()  # which has not asked about this session yet
    asked, began = front.portald.asked, time.monotonic()
    front.portald.delay = delay
    try:
        done = subprocess.run([*[word for word in one.always if word != "--include"], version, "--parallel", "--parallel-immediate",
                               "--parallel-max", str(PARALLEL), "--output", "/dev/null", "--write-out", "%{http_code}\n",
                               f"{front.app}/page/[1-{PARALLEL}]"], capture_output=True, text=True, check=False)
    finally:
        front.portald.delay = 0
    took = time.monotonic() - began
    assert done.stdout.split() == ["200"] * PARALLEL, (done.stderr, sorted(done.stdout.split())[-20:])
    assert 1 <= front.portald.asked - asked <= 1 + took / 2, (front.portald.asked - asked, took)


# Another proxy.

def test_caddy_does_the_same(front, world, somebody):
    front.start_caddy()
    try:
        c, one = with_password(world), somebody()
        lies = ("X-Forwarded-Host: evil.example", "X-Forwarded-Uri: //evil.example/", "X-Original-URL: https://evil.example/")
        seen = len(front.application.seen)
        assert one.get(front.app + PAGE, headers=(*CLAIMS, *lies, "Accept: */*")).status == 401
        assert one.get(front.app + PAGE, headers=(*lies, *one.PAGE)).header("Location") == \
            f"/auth/callback?to={quote(PAGE, safe='/')}"
        assert len(front.application.seen) == seen
        answer = one.log_in(c, PASSWORD, front.app + PAGE)
        assert user_at(answer) == c.uid and got(answer.body)[0] == PAGE and one.trail[-1] == front.app + PAGE
        headers = got(one.get(front.app + "/", headers=(*CLAIMS, *one.PAGE)).body)[1]
        assert (headers["remote-user"], headers["remote-email"]) == ([c.uid], [c.mail])
        assert not [name for name in headers if "_" in name]
        assert one.get(f"{front.portal}/auth").status == 404
        lock(world, c)
        wait_for(lambda: one.get(front.app + "/").status == 303, SECONDS, "the end by a lock")
    finally:
        front.start_nginx()
