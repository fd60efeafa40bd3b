"""Usage events as JSON, for the description: what comes in is read by the room, and what goes out."""

from typing import Any

from rest_framework import serializers

from api.codes import CODES
from billing.ingestion.event import AMEND, LONGEST_NAME, USAGE, VOID
from billing.ingestion.recording import ACCEPTED, CONFLICT, DUPLICATE, REJECTED

_TOKENS: dict[str, Any] = {"min_value": 0, "max_value": 2**31 - 1, "required": False}


class EventDataIn(serializers.Serializer):
    """What was used; a void has `event_id` alone, an amend `event_id` and the tokens that it was instead."""

    model = serializers.CharField(max_length=100, required=False, help_text="Public name of a model; needed for usage.")
    input_tokens = serializers.IntegerField(**_TOKENS, help_text="All input, cached or not.")
    cached_input_tokens = serializers.IntegerField(**_TOKENS, help_text="The part of it that came from a cache.")
    output_tokens = serializers.IntegerField(**_TOKENS)
    reasoning_tokens = serializers.IntegerField(**_TOKENS, help_text="The part of the output that was reasoning.")
    key_id = serializers.CharField(
        max_length=40, required=False, help_text="Whose usage it is; without it, the calling key's."
    )
    project_id = serializers.CharField(max_length=40, required=False, help_text="Instead of a key.")
    request_id = serializers.CharField(max_length=40, required=False)
    finish_reason = serializers.CharField(max_length=32, required=False)
    error_code = serializers.CharField(max_length=64, required=False)
    status = serializers.IntegerField(min_value=100, max_value=599, required=False)
    duration_ms = serializers.IntegerField(**_TOKENS)
    first_token_ms = serializers.IntegerField(**_TOKENS)
    stream = serializers.BooleanField(required=False)
    event_id = serializers.CharField(
        max_length=LONGEST_NAME, required=False, help_text="Which event is voided or amended."
    )
    event_source = serializers.CharField(
        max_length=LONGEST_NAME, required=False, help_text="Its source, where it is another one."
    )


class EventIn(serializers.Serializer):
    """A CloudEvent 1.0; extension attributes are passed over."""

    specversion = serializers.ChoiceField(["1.0"])
    id = serializers.CharField(max_length=LONGEST_NAME, help_text="Unique within the source.")
    source = serializers.CharField(max_length=LONGEST_NAME)  # type: ignore[assignment]
    type = serializers.ChoiceField([USAGE, VOID, AMEND])
    time = serializers.DateTimeField(
        required=False, help_text="When it was used, at most 35 days ago; without it, now."
    )
    datacontenttype = serializers.CharField(required=False)
    data = EventDataIn()  # type: ignore[assignment]


class EventResultOut(serializers.Serializer):
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField([ACCEPTED, DUPLICATE, CONFLICT, REJECTED])
    code = serializers.ChoiceField(sorted(name for name in CODES if name), allow_null=True)
    message = serializers.CharField(allow_null=True)
    param = serializers.CharField(allow_null=True)


class IngestionOut(serializers.Serializer):
    """How many events were recorded, known, in conflict and rejected; `results` in the order in which they came."""

    object = serializers.CharField()
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    conflict = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = EventResultOut(many=True)
