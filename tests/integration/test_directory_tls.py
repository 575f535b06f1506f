"""portald and a slapd on another machine: TLS that is right and TLS that isn't, and the three ways in which slapd knows
portald. The slapd is one of a pair, so that who is refused by it goes to the other one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from customer import PASSWORD, World, with_password  # noqa: E402
from directory_probe import Probe  # noqa: E402
from sandbox import Sandbox  # noqa: E402
from sandboxlib.provider import Authority, Pair  # noqa: E402
from sandboxlib.slapd import SUFFIX, ssha  # noqa: E402

SERVICE = f"cn=portald,ou=services,{SUFFIX}"
SERVICE_PASSWORD = "ein Dienst hat auch eins"


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "20")
    yield box
    box.close()


@pytest.fixture(scope="module")
def pair(box):
    pair = Pair(box)
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def remote(pair):
    """The second, spoken to over TLS only, and portald's account with a password."""
    first, second = pair.providers
    first.modify("dn: {}\nchangetype: modify\nadd: objectClass\nobjectClass: simpleSecurityObject\n-\n"
                 "add: userPassword\nuserPassword: {}\n".format(SERVICE, ssha(SERVICE_PASSWORD)))
    pair.wait_until_same()
    return second


@pytest.fixture(scope="module")
def other(pair):
    return Authority(pair.dir / "other")


@pytest.fixture
def probe(build_dir, box):
    made = []

    def make(*options, uri):
        made.append(Probe(build_dir / "tests" / "integration" / "directory-probe", box, *options, uri=uri))
        return made[-1]
    yield make
    for one in made:
        one.close()


def by_password(ca):
    return f"bind={SERVICE}", f"password={SERVICE_PASSWORD}", f"ca={ca}"


def serve(provider, cert, key):
    provider.config(f"dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateKeyFile\nolcTLSCertificateKeyFile: {key}\n"
                    f"-\nreplace: olcTLSCertificateFile\nolcTLSCertificateFile: {cert}\n")
    provider.end()
    provider.start()


def test_service_password_and_private_authority_over_ldaps(pair, remote, probe):
    one = probe(*by_password(pair.authority.ca), uri=remote.peer_uri)
    assert one("find", "uid", "c-0001").result == "0"
    assert one("swap", "set", "portalState", "pending").result == "0"
    assert one("verify", "-", "falsch").result == "EACCES"


def test_authority_that_is_not_known_is_refused(remote, probe, other):
    refused(probe(*by_password(other.ca), uri=remote.peer_uri))


def test_certificate_for_another_host_is_refused(pair, remote, probe):
    serve(remote, *pair.authority.certificate("elsewhere", names="DNS:elsewhere.example"))
    refused(probe(*by_password(pair.authority.ca), uri=remote.peer_uri))


def test_certificate_out_of_date_is_refused(pair, remote, probe):
    serve(remote, *pair.authority.certificate("late", days="-1"))
    refused(probe(*by_password(pair.authority.ca), uri=remote.peer_uri))


def refused(one):
    answer = one("find", "uid", "c-0001", ms=3000)
    assert answer.result == "EIO" and answer.ms < 2000
    assert re.match(r"TLS: the server's certificate is of an unknown authority", answer.error), answer.error


def test_client_certificate_is_who_portald_is(pair, remote, probe, other):
    """SASL EXTERNAL, as doc/directory.md has it."""
    remote.config("dn: cn=config\nchangetype: modify\nreplace: olcTLSVerifyClient\nolcTLSVerifyClient: try\n-\n"
                  f'add: olcAuthzRegexp\nolcAuthzRegexp: "^cn=portald on web1$" "{SERVICE}"\n')
    serve(remote, *pair.authority.certificate("server2"))
    for authority, name, result in ((pair.authority, "portald on web1", ("0",)), (pair.authority, "somebody", ("EIO", "ENOENT")),
                                    (other, "portald on web1", ("EIO", "EHOSTDOWN"))):
        cert, key = authority.certificate(name.replace(" ", "-"), subject=f"/CN={name}")
        one = probe(f"ca={pair.authority.ca}", f"cert={cert}", f"key={key}", uri=remote.peer_uri)
        assert one("find", "uid", "c-0001", ms=1000).result in result, name
    assert probe(f"ca={pair.authority.ca}", uri=remote.peer_uri)("find", "uid", "c-0001", ms=1000).result == "EIO"


def test_portald_takes_the_password_from_a_file_and_leaves_a_server_whose_certificate_is_wrong(box, pair, remote):
    """The first with a certificate that names another host: portald says so and uses the second."""
    world = World(box)
    c = with_password(world)
    pair.wait_until_same()
    first = pair.providers[0]
    serve(first, *pair.authority.certificate("elsewhere", names="DNS:elsewhere.example"))
    (Path(box.dir) / "ldap-password").write_text(SERVICE_PASSWORD + "\n", encoding="utf-8")
    (Path(box.dir) / "ldap-password").chmod(0o400)
    drop_ins = Path(box["PORTALD_CONF"] + ".d")
    drop_ins.mkdir()
    (drop_ins / "tls.conf").write_text(
        f"[directory]\nuri = {first.peer_uri} {remote.peer_uri}\n"
        f"bind_dn = {SERVICE}\nbind_password_file = {box.dir}/ldap-password\nca_file = {pair.authority.ca}\n", encoding="utf-8")
    box.restart("portald")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD + "x").verdict == "WRONG"
    servers = world.portald.control("status")["directory"]["servers"]
    assert [(s["used"], s["well"]) for s in servers] == [(False, False), (True, True)]
    log = Path(box["PORTALD_LOG"]).read_text(encoding="utf-8")
    assert "can't be used: TLS: the server's certificate" in log and SERVICE_PASSWORD not in log


@pytest.mark.parametrize("uri, starttls, says", [
    ("ldap://192.0.2.1", "no", "would show passwords"),
    ("ldap://127.example.org:389", "no", "would show passwords"),
    ("ldapi:/// ldap://192.0.2.1", "no", "would show passwords"),
    ("ldapi:/// http://192.0.2.1", "no", "expected ldapi"),
    ("ldap://192.0.2.1", "required", None),
    ("ldaps://192.0.2.1 ldap://127.0.0.1:1389 ldap://[::1] ldap://localhost ldapi:///", "no", None),
])
def test_passwords_go_to_no_other_machine_in_the_clear(box, build_dir, tmp_path, uri, starttls, says):
    conf = (box.dir / "portald.conf").read_text(encoding="utf-8")
    conf, count = re.subn(r"(?m)^uri *=.*$", f"uri = {uri}\nstarttls = {starttls}", conf)
    assert count == 1
    (tmp_path / "portald.conf").write_text(conf, encoding="utf-8")
    done = subprocess.run([build_dir / "portald" / "portald", "--config", tmp_path / "portald.conf", "--check"],
                          text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == (1 if says else 0), done.stderr
    assert says is None or says in done.stderr
