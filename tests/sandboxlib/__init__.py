"""What tests/sandbox is made of."""


class SandboxError(Exception):
    """Something that keeps the sandbox from coming up; its text is for the person."""
