"""A new card over the one on the Hub: what people have added there stays."""

from __future__ import annotations

import re
from typing import Any

from infogap.errors import UserError

# Said by the recipe or determined by the files: here the new card wins. Of all other keys those on the Hub win.
_OURS = ("configs", "dataset_info", "size_categories", "license", "language")
_BLOCK = re.compile(r"<!-- infogap: begin.*?<!-- infogap: end -->\n?", re.DOTALL)


def merge_cards(ours: str, theirs: str) -> str:
    """The card to commit, from the new one and the one on the Hub. Merging again changes nothing.

    Metadata: configs, dataset_info, sizes, license and language are ours, tags are joined, every other key
    that the Hub's card has stays as it is there. Text: what stands between infogap's marks is replaced, what
    stands around them is kept; a card without marks is kept below ours.

    Raises UserError where the card on the Hub has no valid metadata.
    """
    from huggingface_hub import CardData

    (new, our_text), (old, their_text) = _parse(ours), _parse(theirs)
    data = old | {key: value for key, value in new.items() if key in _OURS or key not in old}
    if "tags" in old and "tags" in new:
        data["tags"] = list(dict.fromkeys([*_as_list(old["tags"]), *_as_list(new["tags"])]))
    return f"---\n{CardData(**data).to_yaml()}\n---\n{_merge_texts(our_text, their_text)}"


def _parse(card: str) -> tuple[dict[str, Any], str]:
    import yaml  # type: ignore[import-untyped]  # the parser that huggingface_hub itself reads cards with
    from huggingface_hub import RepoCard

    try:
        parsed = RepoCard(card, ignore_metadata_errors=True)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(
            f"the card on the Hub has no valid metadata ({str(error).splitlines()[0]}); mend its README.md there"
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
