"""Which configs a recipe publishes, and of which mixes, under which names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from infogap import plugins
from infogap.publish.configs.base import Config
from infogap.publish.configs.sft import SFT
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run


def views(recipe: Recipe) -> Iterator[tuple[Config, str]]:
    """Yield each config with the name of the mix it shows.

    With several mixes, `sft` is published under the name of the mix, `rl` as `NAME-rl`, and so on.
    """
    names = list(dict(recipe.balance.named_mixes()))
    for each in recipe.publish.configs:
        config: Config = plugins.load("configs", each)
        if recipe.balance.mixes is None or not config.of_mix:
            yield config, names[0]
            continue
        for name in names:
            yield replace(config, name=name if config is SFT else f"{name}-{config.name}"), name


def name_problem(recipe: Recipe) -> tuple[tuple[str, ...], str] | None:
    """Return the place of a mix whose published name is already taken, and the problem; None if all names are free.

    Names that differ only in case are the same folder on some disks.
    """
    named: dict[str, str] = {}
    for config, mix in sorted(views(recipe), key=lambda view: view[0].of_mix):
        if config.name.casefold() in named and config.of_mix:
            message = (
                f"publishes `{config.name}`, which is also the name of {named[config.name.casefold()]}; "
                "give the mix another name"
            )
            return ("balance", "mixes", mix), message
        named[config.name.casefold()] = f"a view of the mix `{mix}`" if config.of_mix else "a config of the whole run"
    return None


def views_asked_for(run: Run) -> Iterator[tuple[Config, str]]:
    """Yield the views of a run's recipe, each adapted to the settings in its section `publish`."""
    for config, mix in views(run.recipe):
        yield config.as_asked(config, run), mix


def as_listed(recipe: Recipe, config: Config) -> str:
    """Return a config's name in publish.configs: `rl` of `NAME-rl`, and `sft` of what has the name of a mix."""
    if recipe.balance.mixes is None or not config.of_mix:
        return config.name
    mix = next(mix for view, mix in views(recipe) if view.name == config.name)
    return SFT.name if config.name == mix else config.name.removeprefix(f"{mix}-")
