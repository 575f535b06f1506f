"""What somebody can do who knows a customer's policy number, birthdate or login name and nothing more."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import ldap_client

PASSWORD = "Regen auf dem Zeltdach"


def with_password(world, mail=None):
    c = world.customer()
    c.mail = mail or c.mail
    world.modify(c.uid, portalState="active", mail=c.mail, userPassword=ldap_client.ssha(PASSWORD))
    return c


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
