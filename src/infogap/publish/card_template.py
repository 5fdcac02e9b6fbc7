"""Find the template of the card, and digest its wording: a dataset is stale when that changes."""

from __future__ import annotations

from pathlib import Path

import infogap
from infogap import plugins
from infogap.errors import InputError
from infogap.ids import digest, file_digest

TEMPLATE = "dataset.md.jinja"


def template_path() -> Path:
    """Return the path of the card's template, in the installed package or beside `src` in a source checkout.

    Raises InputError if it is in neither place.
    """
    package = Path(infogap.__file__).parent
    places = [package / "cards" / TEMPLATE, package.parents[1] / "cards" / TEMPLATE]
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"the card's template {TEMPLATE} is missing from {places[0].parent} and from {places[1].parent}; "
        "install infogap again"
    )


def template_digest() -> str:
    """Return a digest of the card's wording: the template and the built-in configs' paragraphs, without values."""
    built_in = [name for name in plugins.names("configs") if plugins.provider("configs", name)[0] == "infogap"]
    paragraphs = {name: plugins.load("configs", name).card for name in built_in}
    return digest([file_digest(template_path()), paragraphs])
