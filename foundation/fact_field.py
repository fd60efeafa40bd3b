"""The primary key of a fact: an id that the application makes, 63 bits, in the order of time."""

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _BigIntegerField = models.BigIntegerField[int, int]
else:
    _BigIntegerField = models.BigIntegerField


class FactIdField(_BigIntegerField):
    """On SQLite an INTEGER PRIMARY KEY is the row's own number; a BIGINT would cost an index beside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["primary_key"] = True
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        return "integer" if connection.vendor == "sqlite" else "bigint"
