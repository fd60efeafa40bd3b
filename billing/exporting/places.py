"""Where files go. In both places a file is there when it is complete and not before."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings

from billing.models import ExportPlace, ScheduledExport
from foundation import sealing
from foundation.s3 import Bucket, Credentials, Refused

PART = 8 * 1024 * 1024
# Of one upload; the protocol allows 10,000.
_MOST_PARTS = 9_000


class Place(Protocol):
    def put(self, name: str, file: IO[bytes], size: int, content_type: str, goes_on: Callable[[str], None]) -> None:
        """Write the file under the name; raises OSError.

        `goes_on` is called between parts, with the id of an upload that must be cleared away if we end here.
        """

    def clear(self, name: str, upload: str) -> None:
        """Remove what an interrupted `put` of the name left behind."""


def place_of(export: ScheduledExport) -> Place:
    """Where the export goes; raises SealBroken."""
    if export.place == ExportPlace.DIRECTORY:
        return Directory(Path(export.directory))
    secret = sealing.unseal(export.sealed, settings.ENCRYPTION_KEY, export.seal_context)
    credentials = Credentials(export.access_key_id, secret, export.region)
    return InBucket(Bucket(export.endpoint, export.bucket, credentials, settings.EXPORTS_ALLOW_PRIVATE), export.prefix)


class Directory:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, file: IO[bytes], size: int, content_type: str, goes_on: Callable[[str], None]) -> None:
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as copy:
                shutil.copyfileobj(file, copy, PART)
                copy.flush()
                os.fsync(copy.fileno())
            goes_on("")
            Path(beside).chmod(0o640)
            Path(beside).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
        _keep_names(target.parent)

    def clear(self, name: str, upload: str) -> None:
        target = self._root / name
        for left in target.parent.glob(f".{target.name}.*"):
            with contextlib.suppress(OSError):
                left.unlink()


def _keep_names(folder: Path) -> None:
    """A rename lasts when its directory is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class InBucket:
    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def put(self, name: str, file: IO[bytes], size: int, content_type: str, goes_on: Callable[[str], None]) -> None:
        key = self._prefix + name
        if size <= PART:
            goes_on("")
            self._bucket.put(key, file.read(), content_type)
            return
        part_size = max(PART, -(-size // _MOST_PARTS))
        upload = self._bucket.begin(key, content_type)
        etags: list[str] = []
        while True:
            # Known before a part is sent, so that nothing is left behind for ever.
            goes_on(upload)
            part = file.read(part_size)
            if not part:
                break
            etags.append(self._bucket.part(key, upload, len(etags) + 1, part))
        self._bucket.complete(key, upload, etags)

    def clear(self, name: str, upload: str) -> None:
        if upload:
            # A bucket that does not let us clear up may still let us write.
            with contextlib.suppress(Refused):
                self._bucket.abort(self._prefix + name, upload)
