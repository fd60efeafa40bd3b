"""How commands name a key: by its public id, or by the environment variable that holds its secret."""

import os
from argparse import ArgumentParser, _MutuallyExclusiveGroup
from typing import Any

from django.core.management.base import CommandError

from accounts.keys import hash_of
from accounts.models import ApiKey, ApiKeySecret
from foundation.secrets import is_well_formed


def add_key_arguments(parser: ArgumentParser | _MutuallyExclusiveGroup) -> None:
    """--key ID and --secret-env VAR."""
    parser.add_argument("--key", metavar="ID", help="the key's public id, key_…")
    parser.add_argument("--secret-env", metavar="VAR", help="the environment variable that holds the key's secret")


def find_key(options: dict[str, Any]) -> ApiKey | None:
    """The key that the options name, None when they name none; raises CommandError."""
    if options["key"]:
        found = ApiKey.objects.select_related("organization", "project").filter(public_id=options["key"]).first()
        if found is None:
            raise CommandError(f"There is no key {options['key']}. Its id is on the key's page, and begins with key_.")
        return found
    name = options["secret_env"]
    if not name:
        return None
    secret = os.environ.get(name, "").strip()
    if not secret:
        raise CommandError(f"The environment variable {name} is not set.")
    if not is_well_formed(secret):
        raise CommandError(f"What {name} holds is not a key's secret; one begins with sk-.")
    stored = ApiKeySecret.objects.select_related("api_key__organization", "api_key__project").filter(
        fingerprint=hash_of(secret)
    )
    key = stored.first()
    if key is None:
        raise CommandError(
            f"No key has the secret in {name}. It may have been regenerated or belong to another server."
        )
    return key.api_key
