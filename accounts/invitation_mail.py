"""The mail that carries an invitation's link; the secret is in no other place."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from accounts.invitations import LASTS, Invited

logger = logging.getLogger(__name__)


def send(invited: Invited, link: str) -> bool:
    """Send it; False when the mail server did not take it. Call it outside of a transaction.

    `link` is absolute.
    """
    invitation = invited.invitation
    context = {
        "invitation": invitation,
        "sender": invitation.invited_by,
        "link": link,
        "days": LASTS.days,
        "site_name": settings.SITE_NAME,
    }
    subject = render_to_string("accounts/email/invitation_subject.txt", context)
    mail = EmailMessage(
        # A name may hold anything; a subject is one line.
        subject=" ".join(subject.split()),
        body=render_to_string("accounts/email/invitation_message.txt", context),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except OSError:
        # The address and the secret stay out of the log.
        logger.exception("The mail of invitation %s was not sent.", invitation.public_id)
        return False
    return True
