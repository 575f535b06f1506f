"""portal-mailer against relays that are good, strict, broken and hostile."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mail_relay import (ACCEPTED, DEFERRED, JOB, MAIL, MESSAGE, MESSAGE_TEXT, RECIPIENT,  # noqa: E402
                        REJECTED, SENDER, Authority, Mailer, Relay, frame, job_id, mail)
from sandboxlib.layout import Layout  # noqa: E402

CRASHED = [-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGPIPE]
VALID = "DNS:localhost,IP:127.0.0.1"


@pytest.fixture(scope="session")
def program(build_dir):
    return Layout("/tmp/none", build_dir).program("portal-mailer")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def certificate(authority):
    return authority.issue("localhost", VALID)


@pytest.fixture
def start(program, authority, tmp_path):
    """Starts a mailer for a relay; ends it with the test."""
    running = []

    def start_mailer(relay, **options):
        options.setdefault("ca_file", authority.file)
        mailer = Mailer(program, tmp_path, relay if isinstance(relay, int) else relay.port, **options)
        running.append(mailer)
        return mailer

    yield start_mailer
    for mailer in running:
        log = mailer.log()
        mailer.__exit__()
        assert mailer.process.returncode not in CRASHED, log
        assert "Sanitizer" not in log


def send_one(mailer, **fields):
    """Sends one mail and returns its result; there must be no second one."""
    mailer.send(mail(job_id(1), **fields))
    results = mailer.results()
    assert len(results) == 1, (results, mailer.log())
    return results[0]


class Sink:
    def __init__(self):
        self.envelopes, self.secure = [], []

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append(envelope)
        self.secure.append(session.ssl is not None)
        return "250 2.0.0 taken"


class RealRelay(Controller):
    """aiosmtpd, which speaks for itself: STARTTLS before anything else."""

    def __init__(self, certificate, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        super().__init__(Sink(), hostname="127.0.0.1", port=free_port(), tls_context=context,
                         require_starttls=True, **options)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The good relay -------------------------------------------------------------------------------

def test_a_real_relay_gets_the_mail_unchanged_and_encrypted(start, certificate):
    with RealRelay(certificate) as relay:
        result = send_one(start(relay))
        assert (result.result, result.status) == (ACCEPTED, 250), result
        envelope, = relay.handler.envelopes
        assert relay.handler.secure == [True]
        assert envelope.rcpt_tos == ["erika@kunde.example"]
        assert envelope.mail_from == "portal@versicherung.example"
        assert envelope.original_content == MESSAGE_TEXT % job_id(1).encode()


def test_all_mails_of_a_batch_go_in_one_session(start, certificate):
    with Relay(certificate, features=["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN",
                                      "SIZE 10240000"]) as relay:
        mailer = start(relay)
        mailer.send(*(mail(job_id(n), recipient=f"kunde{n}@kunde.example") for n in range(20)))
        results = mailer.results()
        assert [r.job for r in results] == [job_id(n) for n in range(20)]
        assert all(r.result == ACCEPTED and r.status == 250 for r in results)
        assert relay.connections == 1
        assert [text for _, _, text in relay.mails] == [
            MESSAGE_TEXT % job_id(n).encode() for n in range(20)]
        assert mailer.close() == 0


def test_more_mails_than_a_session_takes_go_in_several(start, certificate):
    with Relay(certificate) as relay:
        mailer = start(relay, batch=3)
        mailer.send(*(mail(job_id(n)) for n in range(7)))
        results = mailer.results()
        assert [r.result for r in results] == [ACCEPTED] * 7, (results, mailer.log())
        assert relay.connections == 3
        assert len(relay.mails) == 7


def test_a_result_is_told_when_it_is_known(start, certificate):
    """The second mail never gets an answer; the first one's result must not wait for it."""
    with Relay(certificate, replies={"DOT": ["250 taken", Relay.SILENT]}) as relay:
        mailer = start(relay)
        mailer.send(mail(job_id(1)), mail(job_id(2)), end=True)
        result = mailer.result()
        assert (result.job, result.result) == (job_id(1), ACCEPTED)
        mailer.process.kill()


def test_the_relay_learns_the_configured_name(start, certificate):
    with Relay(certificate) as relay:
        assert send_one(start(relay, helo="portal.versicherung.example")).result == ACCEPTED
        assert relay.heard("EHLO") == ["EHLO portal.versicherung.example"] * 2
        assert relay.server_names == ["localhost"]


def test_a_relay_named_by_its_address_is_verified_by_its_address(start, certificate):
    with Relay(certificate) as relay:
        assert send_one(start(relay, host="127.0.0.1")).result == ACCEPTED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_session_tickets_do_not_stop_the_session(start, certificate, version):
    """TLS 1.3 sends them behind the handshake. When they are there before libesmtp has sent its next
    command, it takes them for a reply and waits for ever; a delay before each poll() has it so."""
    with Relay(certificate, version=version) as relay:
        mailer = start(relay, wrapper=["strace", "-f", "-o", "/dev/null", "-e", "trace=poll",
                                       "-e", "inject=poll:delay_enter=50000"])
        assert send_one(mailer).result == ACCEPTED
        assert relay.versions == [version.name.replace("_", ".")]


def test_nagle_is_off(start, certificate, tmp_path):
    assert shutil.which("strace"), "this test needs strace"
    trace = tmp_path / "trace"
    with Relay(certificate) as relay:
        mailer = start(relay, wrapper=["strace", "-f", "-o", trace, "-e", "trace=setsockopt"])
        assert send_one(mailer).result == ACCEPTED
    assert "TCP_NODELAY, [1]" in trace.read_text()


def test_without_starttls_only_where_it_is_turned_off(start):
    with Relay() as relay:
        assert send_one(start(relay, starttls="off")).result == ACCEPTED
        assert len(relay.mails) == 1


# TLS ------------------------------------------------------------------------------------------

def assert_nothing_leaked(relay):
    """No mail, no address, no login in plaintext."""
    plain = [line for secure, line in relay.said if not secure]
    assert not relay.mails
    assert all(line.split(" ")[0] in ("EHLO", "HELO", "STARTTLS", "QUIT") for line in plain), plain


def test_no_starttls_no_mail(start):
    with Relay() as relay:
        result = send_one(start(relay))
        assert result.result == DEFERRED
        assert "STARTTLS" in result.text
        assert_nothing_leaked(relay)


@pytest.mark.parametrize("replies", [
    {"STARTTLS": "454 not now"}, {"STARTTLS": "502 never"}, {"STARTTLS": Relay.DROP},
    {"EHLO": "502 no EHLO here"},
], ids=["later", "never", "dropped", "only-helo"])
def test_starttls_refused_no_mail(start, certificate, replies):
    with Relay(certificate, replies=replies) as relay:
        assert send_one(start(relay)).result == DEFERRED
        assert_nothing_leaked(relay)


@pytest.mark.parametrize("names, until, reason", [
    ("DNS:other.example", "20991231235959Z", "mismatch"),
    ("DNS:localhost.example", "20991231235959Z", "mismatch"),
    (VALID, "20200102000000Z", "expired"),
], ids=["another-host", "longer-name", "expired"])
def test_a_bad_certificate_no_mail(start, authority, names, until, reason):
    with Relay(authority.issue(f"bad-{reason}-{len(names)}", names, until)) as relay:
        result = send_one(start(relay))
        assert result.result == DEFERRED
        assert reason in result.text
        assert_nothing_leaked(relay)


def test_a_certificate_of_a_stranger_no_mail(start, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Stranger")
    with Relay(stranger.issue("localhost", VALID)) as relay:
        result = send_one(start(relay))
        assert result.result == DEFERRED
        assert "certificate" in result.text
        assert_nothing_leaked(relay)


def test_tls_1_1_no_mail(start, certificate, tmp_path):
    """Not even where the system's own OpenSSL settings would allow it."""
    lax = tmp_path / "openssl.cnf"
    lax.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                   "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
    with Relay(certificate, version=ssl.TLSVersion.TLSv1_1) as relay:
        assert send_one(start(relay, environment={"OPENSSL_CONF": str(lax)})).result == DEFERRED
        assert_nothing_leaked(relay)
        assert not relay.versions


FORGED = (b"250-forged\r\n250 AUTH PLAIN\r\n250 sender\r\n250 recipient\r\n354 go\r\n250 taken\r\n"
          b"221 bye\r\n")


def test_replies_injected_behind_starttls_are_not_believed(start, certificate):
    with Relay(certificate, after_starttls=FORGED) as relay:
        result = send_one(start(relay))
        assert result.result == DEFERRED
        assert "injected" in result.text
        assert_nothing_leaked(relay)
        assert not any(secure for secure, _ in relay.said)


def test_one_byte_behind_starttls_is_enough(start, certificate):
    with Relay(certificate, after_starttls=b" ") as relay:
        result = send_one(start(relay))
        assert (result.result, "injected" in result.text) == (DEFERRED, True)


def test_replies_injected_before_starttls_are_not_believed(start, certificate):
    early = b"250-relay\r\n250 STARTTLS\r\n220 go\r\n" + FORGED
    with Relay(certificate, early=early) as relay:
        result = send_one(start(relay))
        assert result.result == DEFERRED
        assert "injected" in result.text
        assert_nothing_leaked(relay)


def test_a_certificate_file_that_libesmtp_finds_at_home_does_not_matter(program, authority, certificate,
                                                                       tmp_path, monkeypatch):
    """An unreadable ~/.config/libesmtp would end TLS."""
    private = tmp_path / ".config/libesmtp/private"
    private.mkdir(parents=True)
    (private / "localhost.pem").write_text("nonsense")
    os.chmod(private / "localhost.pem", 0o644)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Relay(certificate) as relay, Mailer(program, tmp_path, relay.port,
                                             ca_file=authority.file) as mailer:
        assert send_one(mailer).result == ACCEPTED


# Answers --------------------------------------------------------------------------------------

@pytest.mark.parametrize("features", [(), ("PIPELINING", "ENHANCEDSTATUSCODES")],
                         ids=["plain", "pipelining"])
@pytest.mark.parametrize("replies, expected, status", [
    ({"MAIL": "451 4.3.0 later"}, DEFERRED, 451),
    ({"MAIL": "550 5.7.1 we don't like you"}, DEFERRED, 550),
    ({"MAIL": "530 5.7.0 authentication required"}, DEFERRED, 530),
    ({"RCPT": "450 4.2.1 greylisted"}, DEFERRED, 450),
    ({"RCPT": "450 4.2.1 greylisted", "DATA": "554 5.5.1 no recipients"}, DEFERRED, 450),
    ({"RCPT": "450 4.2.1 greylisted", "DOT": "250 2.0.0 for nobody"}, DEFERRED, 450),
    ({"RCPT": "550 5.1.1 no such user"}, REJECTED, 550),
    ({"RCPT": "550 5.1.1 no such user", "DATA": "554 5.5.1 no recipients"}, REJECTED, 550),
    ({"RCPT": "530 5.7.0 log in first", "DATA": "503 5.5.1 no recipients"}, DEFERRED, 530),
    ({"DATA": "451 4.3.0 later"}, DEFERRED, 451),
    ({"DATA": "554 5.6.0 no"}, REJECTED, 554),
    ({"DOT": "452 4.3.1 disk full"}, DEFERRED, 452),
    ({"DOT": "554 5.7.1 spam"}, REJECTED, 554),
    ({"DOT": "250 2.0.0 taken"}, ACCEPTED, 250),
], ids=lambda value: " ".join(f"{k} {v[:9]}" for k, v in value.items()) if isinstance(value, dict) else "")
def test_what_an_answer_means(start, certificate, features, replies, expected, status):
    with Relay(certificate, features=features, replies=replies) as relay:
        mailer = start(relay)
        result = send_one(mailer)
        assert (result.result, result.status) == (expected, status), (result, relay.said)
        assert result.text.startswith(str(status))
        assert mailer.close() == 0


def test_one_refused_recipient_does_not_touch_the_others(start, certificate):
    with Relay(certificate, replies={"RCPT": ["250 fine", "550 no such user", "450 later"]}) as relay:
        mailer = start(relay)
        mailer.send(*(mail(job_id(n)) for n in range(4)))
        results = {r.job: r.result for r in mailer.results()}
        assert results == {job_id(0): ACCEPTED, job_id(1): REJECTED, job_id(2): DEFERRED,
                           job_id(3): ACCEPTED}
        assert [text for _, _, text in relay.mails if text] == [
            MESSAGE_TEXT % job_id(n).encode() for n in (0, 3)]


@pytest.mark.parametrize("replies", [
    {"EHLO": Relay.DROP}, {"MAIL": Relay.DROP}, {"RCPT": Relay.DROP}, {"DATA": Relay.DROP},
    {"DOT": Relay.DROP},
], ids=lambda replies: next(iter(replies)))
def test_a_dropped_connection_defers(start, certificate, replies):
    with Relay(certificate, replies=replies) as relay:
        mailer = start(relay)
        mailer.send(mail(job_id(1)), mail(job_id(2)))
        results = mailer.results()
        assert [(r.result, r.status) for r in results] == [(DEFERRED, 0)] * 2, results
        assert mailer.close() == 0


def test_a_connection_dropped_after_the_answer_keeps_the_answer(start, certificate):
    with Relay(certificate, replies={"QUIT": Relay.DROP}) as relay:
        assert send_one(start(relay)).result == ACCEPTED


@pytest.mark.parametrize("reply", [
    "250-taken\r\n251 no, really", "250-taken\r\nnonsense", "nonsense", "25", "2500 taken",
    "250-" + "x" * 5000, "299999999999 taken", "-250 taken", "354 go on",
], ids=["another-code", "no-code", "words", "two-digits", "four-digits", "endless", "huge", "negative",
        "go-on"])
def test_a_broken_answer_to_a_message_is_not_taken_for_acceptance(start, certificate, reply):
    with Relay(certificate, replies={"DOT": reply}) as relay:
        assert send_one(start(relay, reply="2s", accept="2s")).result == DEFERRED


@pytest.mark.parametrize("greeting", ["554 go away", "421 busy", "nonsense", Relay.DROP],
                         ids=["never", "later", "words", "dropped"])
def test_a_relay_that_turns_us_away_defers(start, certificate, greeting):
    with Relay(certificate, greeting=greeting) as relay:
        result = send_one(start(relay))
        assert (result.result, result.status) == (DEFERRED, 0)
        if greeting is not Relay.DROP and greeting[0] != "n":
            assert result.text == greeting


def test_nobody_listening_defers(start):
    mailer = start(free_port())
    result = send_one(mailer)
    assert result.result == DEFERRED
    assert "refused" in result.text


def test_an_unknown_host_defers(start):
    assert send_one(start(25, host="relay.invalid")).result == DEFERRED


@pytest.mark.parametrize("verb", ["EHLO", "RCPT", "DOT"])
def test_a_silent_relay_defers(start, certificate, verb):
    with Relay(certificate, replies={verb: Relay.SILENT}) as relay:
        assert send_one(start(relay, reply="1s", accept="1s")).result == DEFERRED


def test_an_endless_reply_ends_with_the_process(start, certificate):
    """libesmtp reads EHLO's lines for ever; the lifetime ends that, and no result means again."""
    endless = "".join("250-WORD\r\n" for _ in range(20000))
    with Relay(certificate, replies={"EHLO": endless + "250-WORD"}) as relay:
        mailer = start(relay, lifetime="2s", reply="1min")
        mailer.send(mail(job_id(1)))
        assert all(r.result == DEFERRED for r in mailer.results())
        assert mailer.close() != 0


# Logins ---------------------------------------------------------------------------------------

def authenticator(_server, _session, _envelope, mechanism, data):
    good = LoginPassword(login=b"portal", password=b"geheim und lang")
    return AuthResult(success=mechanism in ("PLAIN", "LOGIN") and data == good, handled=False)


@pytest.mark.parametrize("password, expected", [("geheim und lang", ACCEPTED), ("falsch", DEFERRED)])
def test_the_login_is_needed(start, certificate, tmp_path, password, expected):
    secret = tmp_path / "password"
    secret.write_text(f"{password}\n")
    with RealRelay(certificate, authenticator=authenticator, auth_required=True) as relay:
        mailer = start(relay, user="portal", password=secret)
        result = send_one(mailer)
        assert result.result == expected, (result, mailer.log())
        assert len(relay.handler.envelopes) == (expected == ACCEPTED)
        assert password not in result.text and password not in mailer.log()


def test_the_password_may_be_a_systemd_credential(start, certificate, tmp_path):
    (tmp_path / "relay-password").write_text("geheim und lang\n")
    with RealRelay(certificate, authenticator=authenticator, auth_required=True) as relay:
        mailer = start(relay, user="portal", password="credential:relay-password",
                       environment={"CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert send_one(mailer).result == ACCEPTED


@pytest.mark.parametrize("features, replies", [
    ((), {}), (("AUTH PLAIN",), {"AUTH": "535 5.7.8 wrong"}), (("AUTH PLAIN",), {"AUTH": "454 later"}),
    (("AUTH NONSENSE",), {}),
], ids=["not-offered", "refused", "later", "unknown-mechanism"])
def test_no_mail_goes_out_without_the_login_that_was_configured(start, certificate, tmp_path,
                                                                features, replies):
    """libesmtp would go on without: the relay might take it, from nobody in particular."""
    secret = tmp_path / "password"
    secret.write_text("geheim\n")
    with Relay(certificate, features=features, replies=replies) as relay:
        result = send_one(start(relay, user="portal", password=secret))
        assert (result.result, result.status) == (DEFERRED, 0)
        assert not relay.heard("MAIL") and not relay.mails


# What must not reach the relay ----------------------------------------------------------------

@pytest.mark.parametrize("address", [
    "a@b.example>\r\nRCPT TO:<c@d.example", "a@b.example\r\nDATA", "a@b.example\n", "a@b.example>",
    "<a@b.example", "a b@c.example", "a@b.example NOTIFY=NEVER", "", "nobody", "@b.example", "a@",
    "a@b.example\t", "ü@b.example", "a" * 250 + "@b.example", "a@\x7fb.example",
])
@pytest.mark.parametrize("which", ["recipient", "sender"])
def test_a_crafted_address_is_refused(start, certificate, address, which):
    with Relay(certificate) as relay:
        mailer = start(relay)
        mailer.send(mail(job_id(1), **{which: address}), mail(job_id(2)))
        results = {r.job: r for r in mailer.results()}
        assert (results[job_id(1)].result, results[job_id(1)].status) == (REJECTED, 0)
        assert results[job_id(2)].result == ACCEPTED
        assert relay.heard("RCPT") == ["RCPT TO:<erika@kunde.example>"]
        assert len(relay.mails) == 1


@pytest.mark.parametrize("message", [
    b"", b"Subject: x\r\n\r\nno end", b"Subject: x\n\nbare LF\n", b"Subject: x\r\n\r\nbare CR\rhere\r\n",
    b"Subject: x\r\n\r\nsmuggled\n.\r\nMAIL FROM:<x@y.example>\r\n", b"Subject: x\r\n\r\n\0\r\n",
    "Subject: ü\r\n\r\n\r\n".encode(), b"Subject: x\r\n\r\n" + b"a" * 999 + b"\r\n",
], ids=["empty", "no-end", "bare-LF", "bare-CR", "smuggled", "NUL", "8bit", "long-line"])
def test_a_message_that_is_not_lines_of_ascii_is_refused(start, certificate, message):
    with Relay(certificate) as relay:
        result = send_one(start(relay), message=message)
        assert (result.result, result.status) == (REJECTED, 0)
        assert not relay.mails


@pytest.mark.parametrize("garbage", [
    b"\xff\xff\xff\xff" + b"x" * 100, b"\0\0\0\0", b"\0\0\0\1x", b"GET / HTTP/1.1\r\n\r\n",
    mail("J")[:-1], frame(2, (JOB, "J")), frame(MAIL, (JOB, "J" * 27)),
    frame(MAIL, (JOB, "J"), (SENDER, "a@b.example"), (RECIPIENT, "c@d.example")),
    frame(MAIL, (JOB, "J"), (SENDER, "a@b.example"), (MESSAGE, b"x\r\n")),
    frame(MAIL, (JOB, "J"), (SENDER, "a\0b@c.example"), (RECIPIENT, "c@d.example"), (MESSAGE, b"x\r\n")),
], ids=["4GB", "empty", "short", "HTTP", "cut", "other-type", "long-job", "no-message", "no-recipient",
        "NUL"])
def test_what_is_not_mail_ends_the_process_and_sends_nothing(start, certificate, garbage):
    with Relay(certificate) as relay:
        mailer = start(relay)
        mailer.send(garbage)
        assert mailer.results() == []
        assert mailer.close() == 1
        assert relay.connections == 0


def test_nothing_more_is_sent_when_nobody_hears_the_results(start, certificate):
    """Whoever gave the batch up will have the rest sent again."""
    with Relay(certificate) as relay:
        mailer = start(relay)
        mailer.send(*(mail(job_id(n)) for n in range(50)))
        assert mailer.result().result == ACCEPTED
        mailer.near.close()
        assert mailer.process.wait(20) == 1
        assert len(relay.mails) < 10


def test_nothing_is_sent_for_a_courier_that_left_already(start, certificate):
    with Relay(certificate, slow=0.5) as relay:
        mailer = start(relay)
        mailer.send(mail(job_id(1)))
        mailer.near.close()
        assert mailer.process.wait(20) == 1
        assert not relay.mails and not relay.heard("MAIL")


# Configuration --------------------------------------------------------------------------------

@pytest.mark.parametrize("keys, expected", [
    ({"starttls": "maybe"}, "required or off"), ({"reply": "1h"}, "10min"),
    ({"host": "[::1]"}, "host"), ({"host": "a b"}, "host"), ({"user": "portal"}, "password"),
    ({"colour": "blue"}, "colour"), ({"password": "relative"}, "password"),
    ({"ca_file": "/nonexistent"}, "CA certificates"),
    ({"user": "portal", "password": "/nonexistent"}, "can't be read"),
    ({"user": "portal", "password": "/dev/null"}, "can't be read"),
    ({"user": "portal", "password": "/dev/null", "starttls": "off"}, "never goes out unencrypted"),
])
def test_a_bad_configuration_is_named_and_nothing_is_sent(start, certificate, keys, expected):
    with Relay(certificate) as relay:
        mailer = start(relay, **keys)
        assert mailer.process.wait(20) == 1
        assert expected in mailer.log()
        assert relay.connections == 0


def test_help_and_wrong_usage(program):
    assert subprocess.run([program, "--help"], capture_output=True, check=False).returncode == 0
    assert subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    assert subprocess.run([program, "more"], capture_output=True, check=False).returncode == 2
    assert subprocess.run([program, "--wrong"], capture_output=True, check=False).returncode == 2
