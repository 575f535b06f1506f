"""What may have happened to a customer before they try to log in. Way in: expire(), lock(), fail_often()."""

LONG_AGO = "20200101000000Z"
FREE_FAILURES = 5


def expire(world, person):
    """The initial password is too old."""
    world.modify(person.customer.uid, portalInitialPasswordExpires=LONG_AGO)


def lock(world, person):
    world.modify(person.customer.uid, portalState="locked")


def unlock(world, person):
    world.modify(person.customer.uid, portalState="active")


def fail_often(login, name):
    """As many wrong passwords as are free, and the one that starts the wait."""
    for number in range(FREE_FAILURES + 1):
        login(name, f"falsches Passwort {number}")
