"""YAML files that are checked like a recipe: lexicons, leak rules, named mappings."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from infogap.errors import InputError
from infogap.recipe.base import Model
from infogap.recipe.recipe_errors import messages, spell_path

Kind = TypeVar("Kind", bound=Model)


def read_yaml(kind: type[Kind], text: str, where: str) -> Kind:
    """YAML text as a model. Raises InputError that names the place and all that is wrong."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
        if not isinstance(data, dict):
            raise InputError(f"{where}: expected a mapping of {', '.join(kind.allowed_keys())}")
        return kind.model_validate(data)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{where}{line}: not valid YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        raise InputError(f"{where}: not valid YAML: {error}") from error
    except ValidationError as error:
        problems = messages(error, data)
        lines = [f"{where}: {spell_path(path)}: {text}" if path else f"{where}: {text}" for path, text in problems]
        raise InputError("\n".join(lines)) from error
