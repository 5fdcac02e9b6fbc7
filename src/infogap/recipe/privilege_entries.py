"""The entries of `generate.privileges`, each resolved to a privilege with its options.

A privilege is an object that a package registers, one that the recipe names `module:object`, or a template in the
recipe. Privileges are looked up while a recipe is validated, so that this package imports none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import orjson
from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from infogap import plugins
from infogap.errors import InputError, nearest
from infogap.recipe.base import Model, OneOrMore, each_once, refuse, refuse_at
from infogap.recipe.recipe_errors import show
from infogap.user_objects import load_object

Need = Literal["answer", "solution"]
"""What a task must have for a privilege."""
AttemptKind = Literal["wrong", "right"]
"""Which of its own attempts a teacher is shown: those graded wrong, or right."""
NoteKind = Literal["critique", "lesson"]
"""What a model writes for contexts: a critique of an attempt, or a lesson from attempts at another task."""

_OF_ENTRIES = ("as", "teacher")  # what every entry may say, whatever its privilege
_OWN_TEMPLATE = "infogap.privileges.contexts:OwnTemplate"  # what an entry with a `template` is


def _with_own_options(schema: dict[str, Any]) -> None:
    """Add to the JSON schema what only one of infogap's own privileges knows."""
    schema["additionalProperties"] = False
    for privilege in _registered():
        if plugins.provider("privileges", privilege.name)[0] == "infogap":
            annotations = get_type_hints(type(privilege), include_extras=True)
            for field in fields(privilege) if privilege.options else ():
                own = TypeAdapter[Any](annotations[field.name]).json_schema()
                schema["properties"].setdefault(field.name.rstrip("_"), own)


class PrivilegeOptions(Model):
    """Options of a privilege; `template`, `richness` and `needs` define a privilege in the recipe itself."""

    # An option that only its privilege knows is kept beside these: `_validated` lets no other one through.
    model_config = ConfigDict(extra="allow", json_schema_extra=_with_own_options)

    as_: str | None = Field(None, alias="as", min_length=1, description="The name under which its traces are kept.")
    teacher: Annotated[OneOrMore, AfterValidator(each_once)] | None = Field(
        None, min_length=1, description="Which of several `teachers` answer; by default every one."
    )
    fraction: float | None = Field(None, gt=0, lt=1, description="hint: the share of the solution shown.")
    steps: int | None = Field(None, ge=1, description="hint: how many sentences or lines are shown.")
    from_: str | None = Field(
        None, alias="from", min_length=1, description="The privilege whose attempts are shown, as the recipe calls it."
    )
    turns: int | None = Field(
        None, ge=1, le=1_000, description="verifier: attempts after the first, at most; by default 1."
    )
    verdict: Literal["bare", "answer", "test"] | None = Field(
        None,
        description="verifier: say that the attempt is wrong (bare, the default), or the gold answer too, or the first "
        "test that it fails (of programs).",
    )
    template: str | None = Field(None, min_length=1, description="Own privilege: the context, in Jinja.")
    richness: float | None = Field(None, ge=0, description="Own privilege: its rank on the ladder.")
    needs: list[Need] = Field([], description="Own privilege: what a task must have for it.")


@dataclass(frozen=True)
class PrivilegeUse:
    """One entry of `generate.privileges`: a privilege with its options, and its `label` in the tables.

    `privilege` is an `infogap.privileges.base.Privilege`. The fields below it are copied from it, so that packages that
    come before `privileges` in the order of imports have them with their types.
    """

    label: str
    privilege: Any
    name: str
    richness: float
    needs: tuple[Need, ...]
    attempts: AttemptKind | None
    source: str | None  # the label of the privilege whose attempts it shows
    turns: int
    is_unguided: bool
    notes: NoteKind | None
    note_writer: str | None  # the recipe's name of the teacher that writes them; None: the one that is shown them
    teachers: tuple[str, ...] = ()  # those of several that answer; empty: all of them

    @classmethod
    def of(cls, label: str, privilege: Any, teachers: tuple[str, ...] = ()) -> PrivilegeUse:
        """Copy the fields of a privilege."""
        own = ("label", "privilege", "teachers")
        facts = {field.name: getattr(privilege, field.name) for field in fields(cls) if field.name not in own}
        return cls(label, privilege, **facts, teachers=teachers)

    def answered_by(self, teacher: str) -> bool:
        """Return whether a teacher, by its name in the recipe, answers under this privilege."""
        return not self.teachers or teacher in self.teachers


def privilege_use(entry: str | dict[str, PrivilegeOptions], folder: Path = Path()) -> PrivilegeUse:
    """Resolve a valid entry. The recipe's `folder` is searched first for the module of `module:object`."""
    name, options = entry_parts(entry)
    privilege = _configured(name, options, _find(name, folder, own_template=options.template is not None))
    return PrivilegeUse.of(options.as_ or str(privilege.name), privilege, tuple(options.teacher or ()))


def recipe_folder(info: ValidationInfo) -> Path:
    """Return the folder of the recipe that is being validated; the working directory if it has no file."""
    return Path((info.context or {}).get("folder", ""))


def entry_parts(entry: str | dict[str, PrivilegeOptions]) -> tuple[str, PrivilegeOptions]:
    """Return the name and the options of an entry."""
    if isinstance(entry, str):
        return entry, PrivilegeOptions()
    ((name, options),) = entry.items()
    return name, options


def _entry_kind(value: Any) -> str:
    return "options" if isinstance(value, dict) else "name"


def _validated(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Validate an entry; keep options that only its privilege knows."""
    folder = recipe_folder(info)
    own: dict[str, Any] = {}
    if isinstance(value, dict) and len(value) == 1:
        ((name, given),) = value.items()
        if isinstance(name, str) and isinstance(given, dict):
            privilege = _find(name, folder, own_template="template" in given)
            names = () if privilege is None else privilege.options
            own = {key: given[key] for key in names if key in given and key not in PrivilegeOptions.allowed_keys()}
            if not {*names} <= {*PrivilegeOptions.allowed_keys()}:
                _refuse_unknown(name, given, [*_OF_ENTRIES, *names])
            value = {name: {key: option for key, option in given.items() if key not in own}}
    entry = handler(value)
    if isinstance(entry, dict) and len(entry) != 1:
        raise refuse("one privilege per entry: `- hint: {fraction: 0.3}`")
    if own:
        entry = {name: options.model_copy(update=own) for name, options in entry.items()}
    _check(*entry_parts(entry), folder)
    return entry


def _refuse_unknown(name: str, given: dict[Any, Any], allowed: list[str]) -> None:
    """Refuse an option that a privilege with options of its own does not have."""
    for key in given:
        if key not in allowed and key not in PrivilegeOptions.allowed_keys():
            raise refuse_at((name, str(key)), f"unknown key{nearest(str(key), allowed)}; allowed: {', '.join(allowed)}")


PrivilegeEntry = Annotated[
    Annotated[str, Tag("name")] | Annotated[dict[str, PrivilegeOptions], Tag("options")],
    Discriminator(_entry_kind),
    WrapValidator(_validated),
]


def _find(name: str, folder: Path, *, own_template: bool = False) -> Any:
    """Return the privilege of a name, without options; None if there is none. Refuse one that cannot be loaded.

    `own_template`: the entry brings a template, so a colon in its name does not name a module.
    """
    of_module = ":" in name and not own_template
    try:
        if not of_module and name not in plugins.names("privileges"):
            return None
        privilege = load_object(name, folder) if of_module else plugins.load("privileges", name)
    except InputError as error:
        raise refuse(str(error)) from error
    if not hasattr(privilege, "needs_attempt") or isinstance(privilege, type):
        raise refuse(
            f"'{name}' is not a privilege: make it an instance of a subclass of infogap.privileges.base.Privilege"
        )
    if not of_module and privilege.name != name:
        raise refuse(f"'{name}' calls itself '{privilege.name}'; its package must register it under that name")
    return privilege


def _check(name: str, options: PrivilegeOptions, folder: Path) -> None:
    """Refuse an entry that cannot be used."""
    privilege = _find(name, folder, own_template=options.template is not None)
    label = options.as_ or (name if privilege is None else privilege.name)
    if not label.strip() or not label.isprintable():
        raise refuse(f"the name {label!r} is unreadable in tables; choose another one")
    given = _given(options).keys()
    if privilege is not None:
        if privilege.scoring:
            raise refuse(f"'{name}' is for scoring traces; no trace is written under it")
        extra = given - {*_OF_ENTRIES, *privilege.options}
    else:
        if options.template is None:
            raise refuse(_unknown(name))
        extra = given - {*_OF_ENTRIES, "template", "richness", "needs"}
    if extra:
        raise refuse(f"privilege '{name}' has no option {', '.join(sorted(extra))}")
    if label != name and label in plugins.names("privileges"):
        called = f"`as: {label}`" if options.as_ else f"'{label}', as {name} calls itself,"
        raise refuse(f"{called} is the name of another privilege; choose a name of your own")
    _configured(name, options, privilege)


def _given(options: PrivilegeOptions) -> dict[str, Any]:
    """Return the options that an entry sets, under their names in the recipe."""
    return options.model_dump(by_alias=True, exclude_defaults=True)


def _unknown(name: str) -> str:
    allowed = [each.name for each in _registered() if not each.scoring]
    return (
        f"unknown privilege '{name}'{nearest(name, allowed)}; allowed: {', '.join(allowed)}, "
        "or one of your own with a `template`"
    )


def _registered() -> list[Any]:
    """Return every registered privilege, in the ladder's order."""
    registered = [plugins.load("privileges", name) for name in plugins.names("privileges")]
    return sorted(registered, key=lambda each: each.rank)


def _configured(name: str, options: PrivilegeOptions, privilege: Any) -> Any:
    """Apply an entry's options to its privilege; make one from the entry's template if `privilege` is None."""
    if privilege is None:
        own_template = load_object(_OWN_TEMPLATE, Path())
        return own_template(name, options.template, options.richness or 0, tuple(options.needs))
    values = {key: value for key, value in _given(options).items() if key not in _OF_ENTRIES}
    if not values:
        return privilege
    annotations = get_type_hints(type(privilege), include_extras=True)
    settings = {}
    for field in fields(privilege):
        key = field.name.rstrip("_")
        if key in values:
            settings[field.name] = _option(annotations[field.name], values[key], (name, key))
    try:
        return replace(privilege, **settings)
    except ValueError as error:  # options that exclude each other
        raise refuse(str(error)) from error


def _option(annotation: Any, value: Any, place: tuple[str, str]) -> Any:
    """Validate an option by the annotation of its field; strictly, but a list may stand for a tuple."""
    try:
        return TypeAdapter[Any](annotation).validate_json(orjson.dumps(value), strict=True)
    except ValidationError as error:
        (first, *_) = error.errors()
        raise refuse_at(place, f"{first['msg'].removeprefix('Input ')}, found {show(value)}") from None


def _scored_context(name: str) -> str:
    """Check the name of a context under which traces are scored."""
    allowed = _scored_contexts()
    if name not in allowed:
        expected = ", ".join(f"'{each}'" for each in allowed)
        raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})
    return name


def _scored_contexts() -> list[str]:
    """Return the registered privileges that show something of any task: no attempts, no notes, and no style."""
    return [each.name for each in _registered() if not (each.attempts or each.notes or each.is_unguided or each.style)]


class _InstalledContexts:
    """Lists the installed contexts in the recipe's JSON schema."""

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"enum": _scored_contexts(), "type": "string"}


ScoredContext = Annotated[str, AfterValidator(_scored_context), _InstalledContexts()]
"""A privilege or control under which a trace can be scored, whatever it was written under; or `reference_only`."""
