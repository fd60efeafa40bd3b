"""Input that must be understood whole."""

from typing import Any

from rest_framework import serializers


class Strict(serializers.Serializer):
    """Refuses members that it does not know: a misspelt restriction or filter must not mean "everything"."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name[:64]: "Unknown parameter." for name in unknown[:20]})
        return attrs
