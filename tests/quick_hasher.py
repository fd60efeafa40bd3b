"""Passwords that take no time: a test makes people by the thousand, and guards none of them."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """Argon2 at its cheapest; its hashes name their cost, so that a real server takes them too."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
