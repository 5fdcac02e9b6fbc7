"""The objects below a prefix of an S3 bucket: list, read, write, conditional writes. Errors are one line.

obstore (the object_store crate of Apache Arrow) rather than s3fs: it has conditional writes, keeps no listings, sends
checksums, and its own dependencies are none. Credentials come from the environment alone.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from infogap.errors import ExternalError, InfogapError, InputError

_DIGEST = "sha256"  # the name of the object's metadata
_RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=90)}
_TIMEOUTS = {"timeout": "120s", "connect_timeout": "10s"}
_PART = 16 << 20  # bytes of a part of an upload: a larger file is sent in several requests
# What stands for credentials; each set alone is enough.
_CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_ACCESS = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}


@dataclass(frozen=True)
class StoredObject:
    """An object as the bucket lists it; `tag` changes with its content."""

    size: int
    tag: str
    changed: datetime


class ChangedMeanwhileError(Exception):
    """A conditional write found another object than the one it was to replace, or one where there was to be none."""


class DamagedError(Exception):
    """An object has another content than was uploaded."""


class ObjectStore:
    """The objects below the prefix of an address. Names are relative to it."""

    def __init__(self, address: str) -> None:
        """Raises InputError if obstore is not installed or the environment has no credentials."""
        try:
            import obstore
            from obstore.store import S3Store
        except ModuleNotFoundError:
            raise InputError(f"{address} needs obstore: pip install 'infogap[s3]'") from None
        if not any(all(os.environ.get(name) for name in names) for names in _CREDENTIALS):
            raise InputError(
                f"{address}: there are no credentials in the environment; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL for a server other than Amazon's)"
            )
        self._api = obstore
        self.address = address
        bucket, _, prefix = address.partition("://")[2].partition("/")
        self._bucket = bucket
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        options: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        with self._errors():
            self._store: Any = S3Store(
                bucket,
                prefix=prefix,
                region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
                checksum_algorithm="SHA256",
                client_options={**_TIMEOUTS, "allow_http": endpoint.startswith("http://")},
                retry_config=_RETRIES,
                **options,
            )

    def objects(self) -> dict[str, StoredObject]:
        """Return all objects by name."""
        with self._errors():
            return {each["path"]: _stored(each) for batch in self._api.list(self._store) for each in batch}

    def about(self, name: str) -> StoredObject | None:
        """Return what the bucket says of an object; None if there is none."""
        with self._errors():
            try:
                return _stored(self._api.head(self._store, name))
            except FileNotFoundError:
                return None

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 that an object was uploaded with, without reading it; None if none is noted."""
        with self._errors():
            return self._api.get(self._store, name).attributes.get(_DIGEST)  # type: ignore[no-any-return]

    def read(self, name: str) -> bytes | None:
        """Return the content of a small object; None if there is none."""
        with self._errors():
            try:
                return bytes(self._api.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def download(self, name: str, to: Path) -> tuple[str, str]:
        """Write an object's content to a file, and return its SHA-256 and its tag.

        Raises DamagedError if it is not what was uploaded, or was uploaded by another program than infogap.
        """
        hashed = hashlib.sha256()
        with self._errors():
            try:
                got = self._api.get(self._store, name)
            except FileNotFoundError:
                raise DamagedError("it has just been removed") from None
            with to.open("wb") as file:
                for piece in got.stream(min_chunk_size=1 << 20):
                    hashed.update(piece)
                    file.write(piece)
            expected, size, tag = got.attributes.get(_DIGEST), got.meta["size"], str(got.meta["e_tag"])
        if expected != hashed.hexdigest() or size != to.stat().st_size:
            raise DamagedError("it has no digest" if expected is None else "its content is not what was uploaded")
        return hashed.hexdigest(), tag

    def upload(self, name: str, content: bytes | Path, digest: str) -> str:
        """Write an object with its SHA-256, and return its tag. Readers see the former object until it is whole."""
        with self._errors():
            put = self._api.put(self._store, name, content, attributes={_DIGEST: digest}, chunk_size=_PART)
            return str(put["e_tag"])

    def create(self, name: str, content: bytes) -> str:
        """Write an object where there is none, and return its tag. Raises ChangedMeanwhileError if there is one."""
        return self._put_if(name, content, "create")

    def replace(self, name: str, content: bytes, tag: str) -> str:
        """Replace the object with this tag, and return the new one. Raises ChangedMeanwhileError if it has another."""
        return self._put_if(name, content, {"e_tag": tag})

    def _put_if(self, name: str, content: bytes, mode: Any) -> str:
        with self._errors():
            try:
                return str(self._api.put(self._store, name, content, mode=mode)["e_tag"])
            except (
                self._api.exceptions.AlreadyExistsError,
                self._api.exceptions.PreconditionError,
                FileExistsError,
            ) as error:
                raise ChangedMeanwhileError from error

    def delete(self, names: list[str]) -> None:
        """Delete objects; names that are not there are ignored."""
        if names:
            with self._errors():
                self._api.delete(self._store, names)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (InfogapError, ChangedMeanwhileError, DamagedError):
            raise
        except Exception as error:  # obstore's own classes, or Python's where these have a name for the failure
            on_disk = isinstance(error, OSError) and error.errno is not None
            if on_disk or not (type(error).__module__.startswith("obstore") or isinstance(error, OSError)):
                raise
            raise self._one_line(error) from error

    def _one_line(self, error: Exception) -> InfogapError:
        text = str(error)
        code = _CODE.search(text)
        known = code[1] if code else ""
        if known == "NoSuchBucket":
            return InputError(f"{self.address}: there is no bucket '{self._bucket}'")
        if known in _NO_ACCESS or isinstance(error, PermissionError) or "PermissionDenied" in type(error).__name__:
            return InputError(f"{self.address}: the server refuses these credentials ({known or _first_line(text)})")
        return ExternalError(
            f"{self.address} cannot be reached: {known or _first_line(text)}; finished work is on this machine: run "
            "the same command again"
        )


def _stored(meta: Any) -> StoredObject:
    return StoredObject(meta["size"], str(meta["e_tag"]), meta["last_modified"])


def _first_line(text: str) -> str:
    """Return what an error says, without the address of the request, which has the bucket's again."""
    line = text.strip().partition("\n")[0]
    return line.rpartition(" - ")[2].rpartition(": <?xml")[0] or line.rpartition(" - ")[2]
