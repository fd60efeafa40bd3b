"""Input that must be understood whole."""

from typing import Any, cast

from django.utils.datastructures import MultiValueDict
from rest_framework import serializers

# JSON says what a value is: "5" is no number, and 1 is no text.
_TYPES: tuple[tuple[type[serializers.Field], type, str], ...] = (
    (serializers.ChoiceField, str, "text"),
    (serializers.CharField, str, "text"),
    (serializers.BooleanField, bool, "true or false"),
    (serializers.IntegerField, int, "a whole number"),
)


class Strict(serializers.Serializer):
    """Refuses members that it does not know: a misspelt restriction or filter must not mean "everything".

    In JSON it refuses values of another type too. What it raises names every fault at once.
    """

    def get_fields(self) -> dict[str, Any]:
        """Who chose what is not there is told what is."""
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            one = field.child if isinstance(field, serializers.ListField) else field
            if isinstance(one, serializers.ChoiceField):
                one.error_messages["invalid_choice"] = f"This must be one of {', '.join(map(str, one.choices))}."
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return super().to_internal_value(data)
        found: dict[str, Any] = {}
        value: Any = None
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            found.update(cast(dict[str, Any], error.detail))
        written = self._repeated(data) if isinstance(data, MultiValueDict) else self._mistyped(data)
        found.update(written)
        unknown = sorted(set(data) - set(self.fields))
        found.update((name[:64], "Unknown parameter.") for name in unknown[:20])
        if found:
            raise serializers.ValidationError(found)
        return value

    def _mistyped(self, data: dict[str, Any]) -> dict[str, str]:
        """Members of JSON of another type than asked."""
        return {name: wrong for name, field in self.fields.items() if (wrong := _wrong(field, data.get(name)))}

    def _repeated(self, data: "MultiValueDict[str, str]") -> dict[str, str]:
        """Parameters of an address that are empty, or given more than once."""
        found = {}
        for name, values in data.lists():
            field = self.fields.get(name)
            if field is None:
                continue
            if "" in values:
                found[name] = "This must not be empty."
            elif len(values) > 1 and not isinstance(field, serializers.ListField):
                found[name] = "Given more than once."
        return found


def _wrong(field: serializers.Field, value: Any) -> str:
    """What is wrong with the value's type; empty when nothing is, or when the field itself will say it."""
    if value is None:
        return ""
    if isinstance(field, serializers.ListField):
        wrong = (_wrong(field.child, one) for one in value) if isinstance(value, list) else iter(())
        return next((one for one in wrong if one), "")
    for kind, wanted, name in _TYPES:
        if isinstance(field, kind):
            is_right = type(value) is wanted if wanted in {int, bool} else isinstance(value, wanted)
            return "" if is_right else f"This must be {name}."
    return ""
