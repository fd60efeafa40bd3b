"""Mail of the embedded set-up: one file a message under DATA_DIR/mail, its links printed by the server."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.utils import timezone

from foundation.ids import public_id

_LINK = re.compile(r"https?://\S+")


class FolderBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write every message to a file of its own; returns their number."""
        folder = Path(settings.MAIL_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            path = folder / f"{timezone.now():%Y%m%d-%H%M%S}-{public_id('mail')}.eml"
            path.write_bytes(message.message().as_bytes())
            links = "".join(f"  {link}\n" for link in _LINK.findall(str(message.body)))
            sys.stdout.write(f"mail to {', '.join(message.to)}: {message.subject.strip()} ({path})\n{links}")
        sys.stdout.flush()
        return len(email_messages)
