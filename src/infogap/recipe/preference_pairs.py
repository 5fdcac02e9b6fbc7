"""The recipe's section `publish.preference`: which traces are paired, and which of the two is chosen."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from infogap.recipe.base import Model, as_list, each_once, refuse_at

SIDES = ("chosen", "rejected")
BANDS = ("uncertain", "mixed", "confident")
"""The bands, the most uncertain first."""

Verdict = Literal["correct", "wrong", "no_answer", "truncated"]
Band = Literal["uncertain", "mixed", "confident"]


def _one_or_more(schema: dict[str, object]) -> tuple[object, ...]:
    return (
        BeforeValidator(as_list),
        AfterValidator(each_once),
        WithJsonSchema({"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]}),
    )


_TEXT: dict[str, object] = {"type": "string"}
_Names = Annotated[list[str], Field(min_length=1), *_one_or_more(_TEXT)]
_Verdicts = Annotated[
    list[Verdict], Field(min_length=1), *_one_or_more(_TEXT | {"enum": ["correct", "wrong", "no_answer", "truncated"]})
]
_Bands = Annotated[list[Band], Field(min_length=1), *_one_or_more(_TEXT | {"enum": list(BANDS)})]


class PairSide(Model):
    """The traces that can stand on one side of a pair: a value, or a list of them, for each column named."""

    privilege: _Names | None = Field(None, description="Named on both sides, or on neither: then both are the same.")
    teacher: _Names | None = Field(None, description="Named on both sides, or on neither: then both are the same.")
    verdict: _Verdicts | None = None
    band: _Bands | None = None

    @property
    def values(self) -> dict[str, list[str]]:
        """The columns that are named, with the values that a trace may have."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: [*values] for name, values in named.items() if values is not None}


class Preference(Model):
    """How traces of one task are paired. Both have the same privilege and teacher unless the sides name them."""

    chosen: PairSide = PairSide()
    rejected: PairSide = PairSide()
    by: Literal["verdict", "band", "privilege"] = Field(
        "verdict",
        description="verdict: a correct trace is chosen, a wrong one rejected. band: the more uncertain one is chosen, "
        "the more confident one rejected, and their verdicts are the same. privilege: one privilege is chosen over "
        "another, both as the sides name them, and both traces are correct.",
    )
    pairs: Literal["closest_in_doubt", "shortest_right_longest_wrong"] = Field(
        "closest_in_doubt",
        exclude_if=lambda value: value == "closest_in_doubt",
        description="Which of the pairs `by: verdict` are made. closest_in_doubt: those of the closest epistemic "
        "densities. shortest_right_longest_wrong: one for each task, privilege and teacher.",
    )
    length: float | None = Field(
        None, gt=0, description="How much longer, at most, one of the two may be, in words: 0.2 is a fifth."
    )

    @property
    def sides(self) -> dict[str, PairSide]:
        """The two sides by name."""
        return {"chosen": self.chosen, "rejected": self.rejected}

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that a side names, in a fixed order."""
        return tuple(name for name in PairSide.model_fields if any(name in side.values for side in self.sides.values()))

    @property
    def differing(self) -> tuple[str, ...]:
        """Those of privilege, teacher and verdict in which the two traces of a pair can differ."""
        across = [name for name in ("privilege", "teacher") if self._can_differ(name)]
        return (*across, *(["verdict"] if self.by == "verdict" else []))

    @property
    def by_extremes(self) -> bool:
        """True if the shortest correct trace is paired with the longest wrong one (arXiv 2605.17497)."""
        return self.pairs == "shortest_right_longest_wrong"

    @property
    def has_margins(self) -> bool:
        """True if the two traces of a pair are meant to differ in length or doubt, so that columns say how much."""
        return self.by_extremes or self.by == "privilege"

    @property
    def crosses(self) -> bool:
        """True if the two traces of a pair can be of two privileges or teachers."""
        return any(name != "verdict" for name in self.differing)

    def _can_differ(self, name: str) -> bool:
        named = [side.values.get(name, []) for side in self.sides.values()]
        return len({value for values in named for value in values}) > 1

    def pool(self, side: str) -> dict[str, list[str]]:
        """Return the values that a trace on a side may have: those of the recipe, and the verdict that `by` implies."""
        values = self.sides[side].values
        if self.by == "verdict":
            return values | {"verdict": values.get("verdict", ["correct" if side == "chosen" else "wrong"])}
        # Both traces have one verdict, so what one side says of it holds for the other.
        said = [set(each.values["verdict"]) for each in self.sides.values() if "verdict" in each.values]
        if self.by == "privilege" and not said:
            return values | {"verdict": ["correct"]}
        return values | ({"verdict": sorted(set.intersection(*said))} if said else {})

    @model_validator(mode="after")
    def _sides_fit_together(self) -> Self:
        for name in ("privilege", "teacher"):
            sides = [side for side in SIDES if name in self.sides[side].values]
            if len(sides) == 1:
                message = f"`{name}` is named for `{sides[0]}` alone; name it on both sides, or on neither"
                raise refuse_at((sides[0], name), message)
        if self.by == "verdict":
            self._verdicts_are_told_apart()
        else:
            self._verdicts_are_alike()
        if self.by == "band":
            self._bands_are_in_order()
        if self.by == "privilege":
            self._privileges_are_told_apart()
        self._pairs_fit_to_the_sides()
        return self

    def _verdicts_are_told_apart(self) -> None:
        if self.chosen.verdict not in (None, ["correct"]):
            raise refuse_at(
                ("chosen", "verdict"), "`by: verdict` chooses correct traces; leave it out, or pair `by: band`"
            )
        if "correct" in (self.rejected.verdict or []):
            message = "`by: verdict` rejects traces that are not correct; name others, or pair `by: band`"
            raise refuse_at(("rejected", "verdict"), message)

    def _bands_are_in_order(self) -> None:
        chosen, rejected = (self.sides[side].values.get("band", BANDS) for side in SIDES)
        if min(map(BANDS.index, chosen)) >= max(map(BANDS.index, rejected)):
            side = "chosen" if self.chosen.band else "rejected"
            message = (
                "`by: band` chooses the more uncertain trace (uncertain, mixed, confident): no pair has these bands"
            )
            raise refuse_at((side, "band"), message)

    def _verdicts_are_alike(self) -> None:
        if self.pool("chosen").get("verdict") == []:
            message = f"with `by: {self.by}` both traces have one verdict: name the same ones"
            raise refuse_at(("rejected", "verdict"), message)

    def _privileges_are_told_apart(self) -> None:
        chosen, rejected = (set(self.sides[side].privilege or []) for side in SIDES)
        if not chosen:
            message = (
                "`by: privilege` chooses one privilege over another; name them: `chosen: {privilege: unguided}`, "
                "`rejected: {privilege: solution}`"
            )
            raise refuse_at(("by",), message)
        if both := sorted(chosen & rejected):
            message = f"`by: privilege` chooses one privilege over another, and '{both[0]}' is on both sides"
            raise refuse_at(("rejected", "privilege"), message)

    def _pairs_fit_to_the_sides(self) -> None:
        if self.by_extremes and self.by != "verdict":
            raise refuse_at(
                ("pairs",), f"it pairs correct with wrong traces, as `by: verdict` does; found `by: {self.by}`"
            )
        if self.by_extremes and self.length is not None:
            raise refuse_at(("length",), "`pairs: shortest_right_longest_wrong` looks for traces of unlike length")
