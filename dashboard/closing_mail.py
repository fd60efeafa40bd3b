"""The mail that tells somebody that their account is going to be deleted, in case it was not they who asked."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import AccountDeletion
from foundation.addresses import absolute

logger = logging.getLogger(__name__)


def send(request: HttpRequest, asked: AccountDeletion) -> None:
    """Send it; a mail server that does not take it changes nothing. Call it outside of a transaction."""
    context = {
        "ends_at": asked.ends_at,
        "link": absolute(request, reverse("dashboard:settings-data")),
        "site_name": settings.SITE_NAME,
    }
    mail = EmailMessage(
        subject=" ".join(render_to_string("dashboard/email/closing_subject.txt", context).split()),
        body=render_to_string("dashboard/email/closing_message.txt", context),
        to=[asked.user.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except OSError:
        logger.exception("The mail about the deletion of account %s was not sent.", asked.user.public_id)
