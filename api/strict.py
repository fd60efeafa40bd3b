"""Input that must be understood whole."""

from typing import Any

from django.utils.datastructures import MultiValueDict
from rest_framework import serializers


class Strict(serializers.Serializer):
    """Refuses members that it does not know: a misspelt restriction or filter must not mean "everything"."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name[:64]: "Unknown parameter." for name in unknown[:20]})
        if isinstance(self.initial_data, MultiValueDict):
            for name, values in self.initial_data.lists():
                if len(values) > 1 and not isinstance(self.fields[name], serializers.ListField):
                    raise serializers.ValidationError({name: "Given more than once."})
        return attrs
