"""Compare versions, and decide which one a change requires (semantic versioning 2.0.0, semver.org)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, Self

from infogap.errors import InputError

Level = Literal["major", "minor", "patch"]
LEVELS: tuple[Level, ...] = ("patch", "minor", "major")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True)
class Version:
    """A version X.Y.Z; `pre` is the suffix of a pre-release, such as -rc.1."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a version, with or without a leading v; return None if the text is not a version."""
        found = _VERSION.fullmatch(text)
        return None if found is None else cls(int(found[1]), int(found[2]), int(found[3]), found[4] or "")

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}{self.pre}"

    @property
    def release(self) -> tuple[int, int, int]:
        """The three numbers that order releases."""
        return self.major, self.minor, self.patch

    def raised(self, level: Level) -> Version:
        """Return the next version for a change of this level."""
        if level == "major":
            return Version(self.major + 1, 0, 0)
        if level == "minor":
            return Version(self.major, self.minor + 1, 0)
        return replace(self, patch=self.patch + 1, pre="")


def last_release(tags: list[str]) -> Version | None:
    """Return the highest release among the tags, ignoring pre-releases; None if there is none."""
    versions = [version for tag in tags if tag.startswith("v") and (version := Version.parse(tag)) is not None]
    return max((version for version in versions if not version.pre), key=lambda each: each.release, default=None)


def check_version(version: str, last: Version, level: Level | None, reasons: list[str], where: str) -> None:
    """Raise InputError if a version is too low for the changes since the last one.

    `level` None means that nothing has changed. A pre-release counts as the release that it precedes.
    """
    asked = Version.parse(version)
    assert asked is not None  # the recipe has checked it
    least = last.raised(level or "patch")
    if asked.release >= least.release:
        return
    if asked.release <= last.release:
        raise InputError(
            f"publish.version: {version} is not higher than {last}, the last version {where}; the next is {least} "
            f"(`--version auto`){_because(level, reasons)}"
        )
    raise InputError(
        f"publish.version: {version} is too low after {last}: it must be {least} or higher (`--version auto`)"
        f"{_because(level, reasons)}"
    )


def _because(level: Level | None, reasons: list[str]) -> str:
    return f", as this is a {level} change: {reasons[0]}" if level is not None and reasons else ""
