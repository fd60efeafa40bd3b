"""Give every form control its class of the design."""

from typing import Any

from django.forms.renderers import DjangoTemplates

_INPUTS = ("input.html", "text.html", "email.html", "password.html", "number.html", "date.html", "textarea.html")


class ConsoleRenderer(DjangoTemplates):
    """Django's own widget templates, with the design's classes on the controls."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        widget = context.get("widget")
        if widget is not None:
            _dress(widget)
        return str(super().render(template_name, context, request))


def _dress(widget: dict[str, Any]) -> None:
    attrs = widget.setdefault("attrs", {})
    kind = widget.get("type")
    if kind == "hidden" or "class" in attrs:
        return
    template = widget.get("template_name", "")
    if kind in ("checkbox", "radio"):
        attrs["class"] = "form-check-input"
    elif template.endswith("select.html"):
        attrs["class"] = "form-select"
    elif template.endswith(_INPUTS):
        attrs["class"] = "form-control"
