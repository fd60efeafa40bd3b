"""What every form of the console carries unseen."""

from typing import Any

from django import template
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.access import FORM_FIELD

register = template.Library()


@register.simple_tag(takes_context=True)
def csrf_token(context: Any) -> SafeString:
    """Django's mark and the organization of the page: another tab may have switched when the form is sent.

    Takes the place of Django's own tag, so that no form can forget it.
    """
    mark = CsrfTokenNode().render(context)
    here = context.get("here")
    if not here:
        return SafeString(mark)
    return format_html('{}<input type="hidden" name="{}" value="{}">', mark, FORM_FIELD, here)
