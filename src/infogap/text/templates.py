"""Templates of a recipe, which may be anybody's: rendered in a sandbox, always to the same text, within limits.

A template that only prints values and tests them ends by itself, and is rendered here. One that loops, calls or
computes may run for ever or fill the memory, perhaps inside one operation that nothing can interrupt (`10**10**10`): it
is compiled and rendered in a process of its own, which the system ends at the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from jinja2 import Template, TemplateError, Undefined, nodes, pass_eval_context
from jinja2.exceptions import UndefinedError
from jinja2.meta import TrackingCodeGenerator
from jinja2.sandbox import ImmutableSandboxedEnvironment

from infogap.parallel.bounded_call import BoundedCall, LimitExceededError

TIME_LIMIT = 2.0  # processor seconds for one text
DEADLINE = 120.0  # seconds by the clock, on a busy machine
MEMORY_LIMIT = 1 << 30  # bytes
MOST_CHARACTERS = 1_000_000  # of a text: more than any context holds
_LONGEST_TEMPLATE = 100_000
_CHANCE = ("random", "shuffle", "lipsum")
# What takes no longer than its input is long, and gives no more than it.
_PLAIN_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Getattr, nodes.Getitem),
)
_PLAIN_FILTERS = ("trim", "upper", "lower", "length", "count", "default", "d", "first", "last", "string")
_PLAIN_TESTS = ("defined", "undefined", "none", "string", "number", "true", "false")

Render = Callable[[tuple[str, Mapping[str, Any]]], str]


class TemplateSet:
    """The templates of one place in a recipe: what their variables may be missing, and how values are printed."""

    def __init__(self, undefined: type[Undefined], render: Render, printed: Callable[[Any], Any] | None = None) -> None:
        """`render` is a function of a module that calls `render_here`: the worker process imports it."""

        @pass_eval_context  # so that nothing is computed while a template is compiled
        def finalize(_context: Any, value: Any) -> Any:
            return _plain(printed(value) if printed else value)

        # Not optimized: constants would be computed while a template is compiled.
        self._sandbox = ImmutableSandboxedEnvironment(
            undefined=undefined, finalize=finalize, autoescape=False, optimized=False
        )
        self._calls = BoundedCall(render, limit=TIME_LIMIT, deadline=DEADLINE, memory=MEMORY_LIMIT)

    def variables(self, template: str) -> set[str]:
        """Return the names that a template takes from outside. Raises TemplateError if it cannot be used."""
        return _looked_at(self._sandbox, template)[0]

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        """Fill a template. Raises TemplateError where it goes beyond a limit, and what its own code raises."""
        if _looked_at(self._sandbox, template)[1]:
            return self.render_here(template, values)
        try:
            return str(self._calls((template, values)))
        except LimitExceededError as error:
            limits = f"{TIME_LIMIT:g} seconds, {MEMORY_LIMIT >> 30} GiB"
            raise TemplateError(f"it takes too long or too much memory ({error}; allowed: {limits})") from None

    def render_here(self, template: str, values: Mapping[str, Any]) -> str:
        """Fill a template in this process."""
        text = _compiled(self._sandbox, template).render(values)
        if len(text) > MOST_CHARACTERS:
            raise TemplateError(f"it gives {len(text):,} characters; {MOST_CHARACTERS:,} are allowed")
        return text


def _plain(value: Any) -> Any:
    """Refuse to print an object's address, such as a method's: it differs from run to run."""
    if isinstance(value, Undefined | str | int | float | list | tuple | dict) or value is None:
        return value
    raise UndefinedError(f"it prints an object ({type(value).__name__}), not a text or a number")


@lru_cache(maxsize=1_000)
def _looked_at(sandbox: ImmutableSandboxedEnvironment, template: str) -> tuple[set[str], bool]:
    """Return the names that a template takes from outside, and whether it ends by itself."""
    if len(template) > _LONGEST_TEMPLATE:
        raise TemplateError(f"it has {len(template):,} characters; {_LONGEST_TEMPLATE:,} are allowed")
    try:
        tree = sandbox.parse(template)
        _refuse_chance(tree)
        generator = TrackingCodeGenerator(sandbox)
        generator.optimizer = None  # which would compute constants, `10**10**10` too
        generator.visit(tree)
        return generator.undeclared_identifiers, all(map(_is_plain, tree.find_all(nodes.Node)))
    except RecursionError:
        raise TemplateError("it is nested too deeply") from None


def _refuse_chance(tree: nodes.Template) -> None:
    names = {*(node.name for node in tree.find_all(nodes.Filter)), *(node.name for node in tree.find_all(nodes.Name))}
    if chance := sorted(names.intersection(_CHANCE)):
        raise TemplateError(f"it may not use `{chance[0]}`: one recipe has to give one text")


def _is_plain(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in _PLAIN_FILTERS
    return node.name in _PLAIN_TESTS if isinstance(node, nodes.Test) else isinstance(node, _PLAIN_NODES)


@cache
def _compiled(sandbox: ImmutableSandboxedEnvironment, template: str) -> Template:
    try:
        return sandbox.from_string(template)
    except (RecursionError, SyntaxError) as error:  # Python allows 20 loops inside one another
        raise TemplateError(f"it is nested too deeply ({type(error).__name__})") from None
