"""Merge a new card with the one that exists: what people wrote is kept, and the card learns where it is published."""

from __future__ import annotations

import re
from typing import Any

from infogap.errors import InputError
from infogap.publish.dataset_changes import DatasetChanges
from infogap.publish.version_rules import Version

LOCAL = "path/to/this/folder"
"""How a card that is not published yet calls its dataset."""

# Keys derived from the recipe or the files: the new card wins. For all others the card on the Hub wins.
_OURS = ("configs", "dataset_info", "size_categories", "license", "language", "source_datasets", "sources")
_BLOCK = re.compile(r"<!-- infogap: begin.*?<!-- infogap: end -->\n?", re.DOTALL)
_CHANGES = re.compile(r"<!-- infogap: changes -->\n(.*?)<!-- infogap: end of changes -->\n", re.DOTALL)
_LOADING = re.compile(rf'load_dataset\("{LOCAL}", ("[^"\n]*"), (split="[^"\n]*")\)')
_LISTED = 12  # changes of one level, or statistics


def address(card: str, repo: str, url: str, version: str) -> str:
    """Return the card with its dataset's repository and address in place of the local folder."""
    card = _LOADING.sub(rf'load_dataset("{repo}", \1, \2, revision="v{version}")', card)
    return card.replace(f"{{{LOCAL}}}", f"{{{url}}}")


def with_changes(card: str, section: str) -> str:
    """Return the card with a section on the changes since the last version; an empty one removes it."""
    return _CHANGES.sub(lambda _: f"<!-- infogap: changes -->\n{section}<!-- infogap: end of changes -->\n", card)


def changes_section_of(card: str) -> str:
    """Return the section on the changes since the last version; empty if the card has none."""
    found = _CHANGES.search(card)
    return found.group(1) if found else ""


def changes_section(last: Version, changes: DatasetChanges) -> str:
    """Write the section: the changed columns and rows, and each statistic before and after."""
    lines = [f"## Changes since {last}", ""]
    said = [f"- {why}" for level in ("major", "minor", "patch") for why in changes.reasons.get(level, [])]
    lines += [*_first(said, "- and {} more"), ""] if said else ["None: the data are the same.", ""]
    differing = [each for each in changes.statistics if each.before != each.after]
    if differing:
        rows = [
            f"| {each.name.replace('|', chr(92) + '|')} | {_value(each.before)} | {_value(each.after)} |"
            for each in differing
        ]
        lines += ["| statistic | before | now |", "| --- | ---: | ---: |", *_first(rows, "| and {} more | | |"), ""]
    return "\n".join(lines) + "\n"


def _first(lines: list[str], more: str) -> list[str]:
    return lines if len(lines) <= _LISTED else [*lines[:_LISTED], more.format(f"{len(lines) - _LISTED:,}")]


def _value(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def merge_cards(ours: str, theirs: str) -> str:
    """Merge the new card with the existing one, which people may have edited. Merging again changes nothing.

    Metadata: configs, dataset_info, sizes, license, language and sources come from the new card, tags are combined, and
    every other key of the existing card is kept. Text: the part between infogap's markers is replaced and the rest is
    kept; an existing card without markers is kept below the new one.

    Raises InputError if the existing card has no valid metadata.
    """
    from huggingface_hub import CardData

    (new, our_text), (old, their_text) = parse_card(ours), parse_card(theirs)
    gone = [key for key in _OURS if key in old and key not in new]
    data = {key: value for key, value in old.items() if key not in gone}
    data |= {key: value for key, value in new.items() if key in _OURS or key not in old}
    if "tags" in old and "tags" in new:
        data["tags"] = list(dict.fromkeys([*_as_list(old["tags"]), *_as_list(new["tags"])]))
    return f"---\n{CardData(**data).to_yaml()}\n---\n{_merge_texts(our_text, their_text)}"


def parse_card(card: str) -> tuple[dict[str, Any], str]:
    """Split a card into its metadata and its text. Raises InputError if the metadata are not valid."""
    import yaml  # type: ignore[import-untyped]  # the parser that huggingface_hub itself reads cards with
    from huggingface_hub import RepoCard

    try:
        parsed = RepoCard(card, ignore_metadata_errors=True)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(
            f"the existing card has no valid metadata ({str(error).splitlines()[0]}); fix its README.md"
        ) from error
    data: dict[str, Any] = parsed.data.to_dict()  # type: ignore[no-untyped-call]
    return data, parsed.text


def _merge_texts(ours: str, theirs: str) -> str:
    block = _BLOCK.search(ours)
    if block is None or not theirs.strip():
        return ours
    if _BLOCK.search(theirs):
        return _BLOCK.sub(lambda _: block.group(), theirs, count=1)
    return f"{ours.rstrip()}\n\n{theirs.lstrip()}"


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
