"""The life of a run in a bucket during a command: fetched, followed by the bucket while it is written, given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from infogap.atomic_files import disk_error
from infogap.bucket import bucket_lock
from infogap.bucket.addresses import address_of, is_address, normal, working_copy
from infogap.bucket.bucket_lock import BucketLock, LostLockError
from infogap.bucket.fetches import compare, fetch
from infogap.bucket.file_states import FileStates
from infogap.bucket.object_store import ObjectStore
from infogap.bucket.uploads import upload
from infogap.console import detail, say
from infogap.errors import ExternalError

LOCK = ".lock"  # of a run's folder on this machine
INTERVAL = 60.0  # seconds between uploads while a stage runs
_writing: dict[Path, _Following] = {}


def local_folder(folder: str | Path) -> Path:
    """Return a run's folder on this machine; that of an address after fetching what the bucket has.

    While another command on this machine writes the run, its working copy is the newest there is, and nothing is
    fetched. Raises InputError for a wrong address or bucket, ExternalError if the server or the disk fails.
    """
    if not is_address(folder):
        return Path(folder)
    address = normal(folder)
    copy = working_copy(address)
    store = ObjectStore(address)
    _make(copy)
    with suppress(Timeout), FileLock(copy / LOCK, timeout=0):
        states = FileStates.read(copy, address)
        count = fetch(store, states, ahead=BucketLock(store, states.copy).is_ahead())
        states.write()
        detail(f"{address}: {count:,} files fetched to {copy}")
    return copy


@contextmanager
def written_to_bucket(folder: Path) -> Iterator[None]:
    """Have the bucket of a working copy follow it while the block runs. Does nothing for any other folder.

    The copy is first made what the bucket has. Its changes are uploaded by `upload_now`, at intervals, and at the end,
    also if the block fails. Raises ExternalError if another machine writes the run, or the last upload fails: the
    lock then stays with this copy, whose next command uploads what is missing.
    """
    address = address_of(folder)
    if address is None:
        yield
        return
    following = _Following(folder, address)
    following.begin()
    _writing[folder] = following
    try:
        yield
    except BaseException:
        try:
            following.end()
        except ExternalError as error:  # the first failure is the one to report
            say(f"not uploaded: {error}", style="yellow")
        raise
    else:
        following.end()
    finally:
        _writing.pop(folder, None)


def upload_now(folder: Path) -> None:
    """Upload what has changed in a working copy that is being written; nothing for any other folder.

    Raises ExternalError if another machine has taken the run over. A server that fails is tried again later.
    """
    if folder in _writing:
        _writing[folder].upload()


class _Following:
    """The bucket that follows a working copy, and the thread that renews its lock."""

    def __init__(self, folder: Path, address: str) -> None:
        self._store = ObjectStore(address)
        self._states = FileStates.read(folder, address)
        self._lock = BucketLock(self._store, self._states.copy)
        self._one_at_a_time = threading.Lock()
        self._over = threading.Event()
        self._lost: LostLockError | None = None
        self._thread = threading.Thread(target=self._follow, name="infogap-bucket", daemon=True)

    def begin(self) -> None:
        """Take the lock, fetch, and follow."""
        self._store.objects()  # a bucket that is not there is told as such
        ahead = self._lock.is_ahead()
        self._lock.acquire()
        try:
            if ahead:
                compare(self._store, self._states)
            else:
                fetch(self._store, self._states, ahead=False)
            self._states.write()
            self._lock.go_ahead()
        except BaseException:
            if not ahead:
                with suppress(ExternalError):
                    self._lock.release()
            raise
        self._thread.start()

    def upload(self) -> None:
        """Upload what has changed; a failure is said, and tried again later. Raises LostLockError."""
        try:
            self._upload()
        except LostLockError:
            raise
        except ExternalError as error:
            say(f"{error}; it is tried again later", style="yellow")

    def end(self) -> None:
        """Stop following, upload the rest, and give the lock up. Raises ExternalError; the lock then stays."""
        self._over.set()
        self._thread.join()
        self._upload()
        self._lock.release()

    def _upload(self) -> None:
        with self._one_at_a_time:
            if self._lost is not None:
                raise self._lost
            count = upload(self._store, self._states, self._lock.renew)
            if count:
                detail(f"{self._store.address}: {count:,} files uploaded")

    def _follow(self) -> None:
        """Renew the lock and upload at intervals, until the end; a failure is said once."""
        uploaded = time.monotonic()
        while not self._over.wait(min(bucket_lock.RENEWAL, INTERVAL)):
            try:
                if time.monotonic() - uploaded >= INTERVAL:
                    self._upload()
                    uploaded = time.monotonic()
                with self._one_at_a_time:
                    self._lock.renew()
            except LostLockError as error:
                self._lost = error
                say(str(error), style="red")
                return
            except ExternalError as error:
                say(f"{error}; it is tried again", style="yellow")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(folder, error) from error
