"""Upload data files to the Hub's storage, where nobody sees them until a commit refers to them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote

from huggingface_hub import CommitOperationAdd, constants, get_session
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from infogap.progress import Advance, progress

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# A batch is uploaded together and, if a request fails, asked for again: its stored files are not sent twice.
BATCH_FILES, BATCH_BYTES = 100, 2**30
_MB = 10**6


class DataFile(CommitOperationAdd):
    """A file of the dataset folder to add, which reports the bytes that are read to be sent."""

    def __init__(self, path: str, file: Path) -> None:
        super().__init__(path, file)
        self.sent: Callable[[int], None] = lambda _end: None  # called with the place in the file that was reached

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:  # noqa: ARG002 (all files share one bar)
        """Open the file for an upload."""
        with io.FileIO(str(self.path_or_fileobj)) as raw, _Reported(raw, self.sent) as file:
            yield cast(BinaryIO, file)


class _Reported(io.BufferedReader):
    def __init__(self, raw: io.FileIO, report: Callable[[int], None]) -> None:
        super().__init__(raw)
        self._report = report

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._report(self.tell())
        return data


def upload(
    api: HfApi, repo: str, files: Iterable[DataFile], revision: str, progressed: Callable[[], None], new_request: bool
) -> None:
    """Upload files that a commit to `revision`, or a pull request, will add; those that were uploaded are skipped.

    Files are sent by Xet if the Hub has it and HF_HUB_DISABLE_XET is not set, else by LFS. Either way the Hub says what
    it has already: whole files with LFS, parts of files with Xet. `progressed` is called after each batch.
    """
    lacking = [file for file in files if not file._is_uploaded]
    if not lacking:
        return
    total = sum(file.upload_info.size for file in lacking)
    with _by_xet(_takes_xet(api, repo, revision, new_request)), progress("upload", total // _MB, "MB") as advance:
        meter = _Meter(advance)
        for batch in _batches(lacking):
            for file in batch:
                file.sent = meter.of_file()
            api.preupload_lfs_files(
                repo, batch, repo_type="dataset", revision=revision, create_pr=new_request, free_memory=False
            )
            for file in batch:
                file.sent(file.upload_info.size)  # also those that the Hub had, and those that Xet read by itself
            progressed()


def _batches(files: list[DataFile]) -> Iterator[list[DataFile]]:
    batch: list[DataFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + file.upload_info.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.upload_info.size
    yield batch


@dataclass
class _Meter:
    """Adds up bytes of several threads, and reports whole megabytes."""

    advance: Advance
    bytes: int = 0
    reported: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of_file(self) -> Callable[[int], None]:
        """Return what to call with the place reached in a file; a file that is sent again counts once."""
        furthest = 0

        def reached(place: int) -> None:
            nonlocal furthest
            with self.lock:
                self.bytes += max(0, place - furthest)
                furthest = max(furthest, place)
                if (new := self.bytes // _MB - self.reported) > 0:
                    self.reported += new
                    self.advance(new)

        return reached


def _takes_xet(api: HfApi, repo: str, revision: str, new_request: bool) -> bool:
    """Ask the Hub for a token to write by Xet; a Hub that has none, such as most servers of one's own, gives none.

    huggingface_hub 2 does not ask: it fails where the Hub has no Xet, unless HF_HUB_DISABLE_XET is set.
    """
    if constants.HF_HUB_DISABLE_XET:
        return False
    place = "None?create_pr=1" if new_request else quote(revision, safe="")
    address = f"{api.endpoint}/api/datasets/{repo}/xet-write-token/{place}"
    answer: Any = get_session().get(address, headers=build_hf_headers(token=api.token))
    try:
        token = answer.json() if answer.is_success else None
    except ValueError:  # the page of a proxy
        return False
    return isinstance(token, dict) and {"casUrl", "accessToken", "exp"} <= token.keys()  # as hf_xet reads it


@contextmanager
def _by_xet(xet: bool) -> Iterator[None]:
    """Let huggingface_hub use Xet or not while the block runs; it reads this constant at each upload."""
    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = not xet
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before
