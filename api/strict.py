"""Input that must be understood whole."""

from typing import Any

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

    In JSON it refuses values of another type too.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and not isinstance(data, MultiValueDict):
            found = {name: wrong for name, field in self.fields.items() if (wrong := _wrong(field, data.get(name)))}
            if found:
                raise serializers.ValidationError(found)
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name[:64]: "Unknown parameter." for name in unknown[:20]})
        if isinstance(self.initial_data, MultiValueDict):
            for name, values in self.initial_data.lists():
                if "" in values:
                    raise serializers.ValidationError({name: "This must not be empty."})
                if len(values) > 1 and not isinstance(self.fields[name], serializers.ListField):
                    raise serializers.ValidationError({name: "Given more than once."})
        return attrs


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
