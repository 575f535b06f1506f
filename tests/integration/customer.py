"""A sample customer of a sandbox, and what happens to one: mails, links, letters, logins."""

import email
import email.policy
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import ldap
import ldap_client
from wire import Portald

LINK = re.compile(r"https?://\S+/confirm/([A-Za-z0-9_-]{43})")
REFERENCE = re.compile(r"/not-me/([0-9A-Z-]{26,})")
CODE = re.compile(r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}\b")

PASSWORD = "Regen auf dem Zeltdach"


def wait_for(look, seconds=20, what="it"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {seconds} s")


def is_gone(process_id):
    """Whether it has ended; its parent may not have taken note of that yet."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@dataclass
class Mail:
    path: Path
    message: email.message.EmailMessage

    @property
    def recipient(self):
        return self.message["Delivered-To"]

    @property
    def text(self):
        return self.message.get_body(("plain",)).get_content()

    @property
    def token(self):
        found = LINK.search(self.text)
        return found and found.group(1)

    @property
    def reference(self):
        found = REFERENCE.search(self.text)
        return found and found.group(1)


@dataclass
class Letter:
    path: Path
    text: str

    @property
    def codes(self):
        return CODE.findall(self.text)

    @property
    def password(self):
        return self.codes[0]

    @property
    def puk(self):
        return self.codes[1]


class World:
    """A sandbox with what tests do to it. Hands out customers that no other test has."""

    def __init__(self, box):
        self.box = box
        self.portald = Portald(box["PORTAL_SOCKET_DIR"])
        lines = Path(box["PORTAL_CUSTOMERS"]).read_text(encoding="utf-8").splitlines()
        self.unused = [Customer(self, *line.split()) for line in lines]

    def customer(self, language="de"):
        for c in self.unused:
            if c.attribute("preferredLanguage", "de") == language and c.state == "provisioned":
                self.unused.remove(c)
                return c
        raise AssertionError(f"no customer with language {language} left")

    def entry(self, uid):
        """All attributes, as rootdn sees them."""
        with ldap_client.bound(self.box, "root") as connection:
            found = connection.search_s(f"uid={uid},{ldap_client.customers_base(self.box)}", ldap.SCOPE_BASE)
        return {name: [v.decode(errors="replace") for v in values] for name, values in found[0][1].items()}

    def modify(self, uid, **attributes):
        """Sets attributes as rootdn: what an administrator or time would have done. None takes one away."""
        changes = [(ldap.MOD_REPLACE, name, value if value is None else ldap_client.listed(value))
                   for name, value in attributes.items()]
        with ldap_client.bound(self.box, "root") as connection:
            connection.modify_s(f"uid={uid},{ldap_client.customers_base(self.box)}", changes)

    def mails(self, recipient=None):
        found = []
        for path in sorted(Path(self.box["PORTAL_MAIL_DIR"]).glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            mail = Mail(path, message)
            if recipient is None or mail.recipient.lower() == recipient.lower():
                found.append(mail)
        return found

    def wait_for_mail(self, recipient, count=1):
        return wait_for(lambda: len(self.mails(recipient)) >= count and self.mails(recipient),
                        what=f"mail {count} to {recipient}")[count - 1]

    def wait_for_rest(self):
        """Every mail is with the relay, and the directory knows."""
        def rested():
            queue = self.portald.control("status")["queue"]
            return queue["untold"] == 0 and not any(queue["mail"][state] for state in ("staged", "ready", "claimed"))
        wait_for(rested, seconds=60, what="rest")

    def clock(self, by):
        done = self.box.ctl("clock", by)
        assert done.returncode == 0, done.stderr

    def now(self):
        return self.portald.control("status")["now"]

    def login(self, user, *answers, service="portal"):
        """One login through the real module: pam-login's lines, and its exit status as .ok."""
        program = Path(self.box["PORTAL_BUILD"]) / "tests" / "pam-login"
        done = subprocess.run([program, "--dir", self.box["PORTAL_PAM_DIR"], service, user],
                              input="".join(a + "\n" for a in answers).encode(), capture_output=True, check=False)
        return Login(done.returncode == 0, done.stdout.decode())


@dataclass
class Login:
    ok: bool
    output: str

    def result(self, phase):
        found = re.search(rf"^result {phase} (PAM_\w+)", self.output, re.M)
        return found and found.group(1)

    @property
    def messages(self):
        return re.findall(r"^(?:info|error) (.*)$", self.output, re.M)


class Customer:
    def __init__(self, world, uid, policy, birthdate):
        self.world, self.uid, self.policy, self.birthdate = world, uid, policy, birthdate
        self.mail = f"{uid}@example.org"

    def show(self):
        return self.world.portald.control("show", who=self.uid)

    @property
    def state(self):
        return self.show()["state"]

    def attribute(self, name, default=None):
        return self.world.entry(self.uid).get(name, [default])[0]

    def register(self, mail=None, **more):
        reply = self.world.portald.register(self.policy, self.birthdate, mail or self.mail, **more)
        assert reply.verdict == "OK", reply.text
        return reply

    def registered(self, mail=None):
        """Registers and returns the mail that came."""
        mail = mail or self.mail
        before = len(self.world.mails(mail))
        self.register(mail)
        return self.world.wait_for_mail(mail, before + 1)

    def confirmed(self):
        mail = self.registered()
        assert self.world.portald.confirm(mail.token).verdict == "OK"
        return mail

    def letter(self):
        """The last letter to this customer, once it is printed and the directory knows."""
        def look():
            letters = [x for x in self.show()["letters"] if x["state"] in ("printed", "posted")]
            return letters and max(letters, key=lambda x: x["job"])
        job = wait_for(look, what=f"the letter to {self.uid}")["job"]
        path = next(Path(self.world.box["PORTAL_LETTER_DIR"]).glob(f"*{job}*.pdf"))
        text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True).stdout.decode()
        return Letter(path, text)

    def initial(self):
        """Confirmed, with the letter at hand."""
        self.confirmed()
        return self.letter()

    def active(self, password=PASSWORD):
        letter = self.initial()
        login = self.world.login(self.mail, letter.password, password, password)
        assert login.ok, login.output
        return letter


def with_password(world, password=PASSWORD, language="de", state="active", mail=None, **more):
    """A customer who got to a personal password some other way: quick, where the way isn't what is tested. The password
    is hashed as cheaply as slapd can."""
    c = world.customer(language)
    c.mail = mail or c.mail
    more.setdefault("portalConfirmedMail", c.mail)
    world.modify(c.uid, portalState=state, mail=c.mail, userPassword=ldap_client.ssha(password), **more)
    return c
