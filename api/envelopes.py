"""What surrounds objects in answers: the page of a list, and that something is gone."""

from rest_framework import serializers


class ListOut(serializers.Serializer):
    """A page; whoever inherits names `data`."""

    object = serializers.CharField()
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class RemovedOut(serializers.Serializer):
    object = serializers.CharField()
    id = serializers.CharField()
    deleted = serializers.BooleanField()
