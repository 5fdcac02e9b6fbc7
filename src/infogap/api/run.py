"""A run: build a dataset in a folder from a recipe, and read its results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infogap.bucket.addresses import refuse_address
from infogap.bucket.stored_run import local_folder
from infogap.console import say, speaking
from infogap.errors import InputError, ShortfallError
from infogap.runs.run_folder import Run as RunFolder

if TYPE_CHECKING:
    import polars as pl

    from infogap.balance.mix_plan import MixPlan
    from infogap.publish import PushResult
    from infogap.publish.publish_plan import Published, PublishPlan
    from infogap.recipe import Recipe, RecipeText
    from infogap.runs.pipeline import StageUpdate
    from infogap.runs.staleness import StageState


class Run:
    """A run folder with its recipe. Make one with `Run.create` or `Run.open`."""

    def __init__(self, folder: RunFolder) -> None:
        """Wrap the run folder that infogap's own modules work on; it is available as `folder`."""
        self.folder = folder

    @classmethod
    def create(
        cls,
        recipe: str | Path | RecipeText | Mapping[str, Any],
        folder: str | Path | None = None,
        *,
        overrides: list[str] | None = None,
    ) -> Run:
        """Check a recipe and write it into a run folder. No stage runs before `update`.

        Args:
            recipe: A YAML file, or its contents as a dict. Relative paths in a file start from its folder, those in a
                dict from the working directory.
            folder: Where the run is kept, also in a bucket (`s3://bucket/prefix`); by default `runs/NAME`. If it holds
                a run already, the recipe replaces that run's recipe, and what both have in common is kept.
            overrides: Keys to set in the recipe, each as `key=value`: `generate.samples=2`.

        Raises:
            RecipeError: The recipe is wrong, or names something that does not exist. It lists all problems.
            InputError: There is no such recipe, or the folder holds something other than a run.
            ExternalError: Another process is writing the run, or the disk failed.
        """
        from infogap.api.check_recipe import checked

        path = None if folder is None else local_folder(folder)
        loaded = checked(Path(recipe) if isinstance(recipe, str) else recipe, overrides, path, to_run=True)
        opened = RunFolder.create(loaded, path)
        with opened.lock():
            opened.save_recipe()
        return cls(opened)

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Open an existing run, by its folder or its address in a bucket. Raises InputError if there is none."""
        return cls(RunFolder.open(Path(folder)))

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def recipe(self) -> Recipe:
        """The recipe, defaults filled in."""
        return self.folder.recipe

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def update(
        self,
        stage: str | None = None,
        *,
        quiet: bool = False,
        retry_failed: bool = False,
        max_requests: int | None = None,
        max_tokens: int | None = None,
        ray: str | None = None,
        wait: bool = True,
    ) -> list[StageUpdate]:
        """Bring the run up to date: run the stages that are missing or stale, and leave the others alone.

        Progress and notes go to stderr, as on the command line.

        Args:
            stage: One stage alone, such as `measure`; by default all of them. The stages that it reads must be up to
                date.
            quiet: Print nothing.
            retry_failed: Send failed requests again.
            max_requests: Stop after this many requests to the teacher.
            max_tokens: Stop when the teacher has read and written this many tokens.
            ray: Compute tables on a Ray cluster: `auto`, `host:port`, `ray://host:port`, or `local` for this machine.
            wait: Wait for batches in flight (`mode: batch`); if False, collect those that have ended, submit what is
                left, and stop.

        Returns:
            For each stage, in order: its former state (`was`, `why`), its `rows`, and the `notes` for the user.

        Raises:
            InputError: A stage needs something that does not exist.
            ExternalError: A server, the cluster, the Hub or the disk failed; call `update` again to continue.
            StoppedError: A limit was reached, batches are in flight, or Ctrl-C was pressed; call `update` again to
                continue.
            ShortfallError: All stages ran, and the mix misses the target that the recipe insists on.
        """
        from infogap.parallel.ray_cluster import on_ray
        from infogap.runs.budget import Budget
        from infogap.runs.pipeline import already_done, run_all, run_one

        opened = replace(self.folder, budget=Budget(max_requests, max_tokens), wait=wait)
        with ExitStack() as held:
            held.enter_context(speaking(quiet=quiet))
            done = None if stage is None or retry_failed else already_done(opened, stage)
            if done is None:
                held.enter_context(opened.lock())
                held.enter_context(on_ray(ray))
            if retry_failed:
                self._forget_failed()
            updates = [done] if done is not None else run_all(opened) if stage is None else [run_one(opened, stage)]
            if stage is None and not any(update.made for update in updates):
                say("everything is up to date", style="bold green")
        shortfalls = [f"{update.stage}: {update.shortfall}" for update in updates if update.shortfall]
        if shortfalls:
            raise ShortfallError("\n".join(shortfalls))
        return updates

    def _forget_failed(self) -> None:
        from infogap.generate.generate_traces import forget_failed
        from infogap.verify.judging.vote_counts import forget_failed_votes

        failed = forget_failed(self.folder) + forget_failed_votes(self.folder)
        say(f"{failed:,} failed requests will be sent again")

    def publish(
        self,
        *,
        to: str | Path | None = None,
        push: bool = False,
        repo: str | None = None,
        version: str | None = None,
        private: bool = False,
        branch: str | None = None,
        create_pr: bool = False,
        quiet: bool = False,
    ) -> Published:
        """Bring the dataset's folder up to date, and publish it as a version.

        Args:
            to: A folder to publish into. Its files that are no data of the last version stay.
            push: Push to the recipe's repository.
            repo: Set `publish.repo` of the run's recipe.
            version: Set `publish.version`; `auto`: the next one after the last version, by what has changed.
            private: Set `publish.private`.
            branch: Push to this branch, made if it is not there; the version is not tagged.
            create_pr: Open a pull request instead of a commit; the version is not tagged.
            quiet: Print nothing.

        Returns:
            The `version`; `written`: whether it is new in the folder; `pushed`: what `push` returns.

        Raises:
            InputError: A version exists with other content, or is too low for what has changed; or the folder holds
                something else.
            ExternalError: The Hub does not answer, or refuses.
            ShortfallError: There is nothing to publish as one of the configs.
        """
        from infogap.publish.folder_target import publish_to
        from infogap.publish.hub_push import push as push_to_hub
        from infogap.publish.publish_plan import Published, next_version, plan_publish
        from infogap.runs.pipeline import run_one

        if create_pr and branch is not None:
            raise InputError("a pull request is for main; name --create-pr or --branch")
        fixed = None if version == "auto" else version
        with speaking(quiet=quiet), self.folder.lock():
            opened = self._published_as(repo, fixed, private)
            target = None if to is None else refuse_address(Path(to), "--to")
            if version == "auto":
                next_ = next_version(plan_publish(opened, target))
                say(f"version   {next_}", style="bold")
                opened = self._published_as(repo, next_, private)
            if opened.recipe != self.recipe:
                opened.save_recipe()
                self.folder = opened
            lacking = run_one(opened, "publish").shortfall
            if lacking is not None and target is not None:
                raise ShortfallError(f"nothing is published to {target}: {lacking}")
            if lacking is not None and not push:  # a push says it itself
                raise ShortfallError(lacking)
            written = publish_to(opened, target) if target is not None else False
            pushed = push_to_hub(opened, branch=branch or "main", create_pr=create_pr) if push else None
        return Published(opened.recipe.publish.version, written, pushed)

    def plan_publish(
        self,
        *,
        to: str | Path | None = None,
        repo: str | None = None,
        version: str | None = None,
        private: bool = False,
        quiet: bool = False,
    ) -> PublishPlan:
        """Say what `publish` would change against the last version, without writing or pushing anything.

        Returns:
            `where` and `last`, the last version there; `version`, and `asked_for`, the least that the changes ask for;
            and `changes`: `files` and `rows` added, removed and changed, per config, and `statistics` before and after.

        Raises:
            InputError, ShortfallError, ExternalError: as `publish` raises them.
        """
        from infogap.publish.publish_plan import next_version, plan_publish

        target = None if to is None else refuse_address(Path(to), "--to")
        with speaking(quiet=quiet):
            plan = plan_publish(self._published_as(repo, None if version == "auto" else version, private), target)
            return replace(plan, version=next_version(plan)) if version == "auto" else plan

    def _published_as(self, repo: str | None, version: str | None, private: bool) -> RunFolder:
        """Return the run with other settings of `publish`; its recipe on disk stays."""
        from infogap.recipe import RecipeError, load_recipe

        given = {"repo": repo, "version": version and json.dumps(version), "private": "true" if private else None}
        overrides = [f"publish.{key}={value}" for key, value in given.items() if value is not None]
        if not overrides:
            return self.folder
        try:
            return replace(self.folder, recipe=load_recipe(self.path / "recipe.yaml", overrides).recipe)
        except RecipeError as error:  # nobody wrote `--set`
            own = {f"--set {override}": str(self.path / "recipe.yaml") for override in overrides}
            problems = [replace(each, where=own.get(each.where, each.where)) for each in error.problems]
            raise RecipeError(problems) from None

    def push(self, *, quiet: bool = False) -> PushResult:
        """Push the dataset to the recipe's Hub repository, as the recipe's version.

        Returns its `url`, `tag` and `commit`; `created` is False if the same content had been pushed before.

        Raises:
            InputError: The recipe names no repository, or the version exists with other content.
            ExternalError: The Hub does not answer, or refuses.
        """
        from infogap.publish import push

        with speaking(quiet=quiet), self.folder.lock():
            return push(self.folder)

    def status(self) -> list[StageState]:
        """Return the state of every stage, in order: done, stale, partial or missing, and why. Changes nothing."""
        from infogap.runs.pipeline import states

        return states(self.folder)

    def is_done(self, stage: str) -> bool:
        """Return whether a stage is up to date."""
        return any(state.stage == stage and state.state == "done" for state in self.status())

    def table(self, name: str) -> pl.LazyFrame:
        """Scan one of the run's tables lazily; it is empty if its stage has not run.

        The names are tasks, contexts, traces, tokens, stated_verdicts, turns, verdicts, gaps, token_gaps, measures,
        duplicates, contamination, mix and annotations; docs/tables.md lists their columns, and `measures` has those of
        the recipe's own measures too. Rows come in no particular order.

        Raises:
            InputError: There is no table of this name.
            ExternalError: A file is damaged.
        """
        from infogap.errors import nearest
        from infogap.schema import TABLES

        if name not in TABLES:
            raise InputError(f"there is no table '{name}'{nearest(name, TABLES)}; a run has {', '.join(TABLES)}")
        return self.folder.scan(self.folder.stored(TABLES[name]))

    def joined(self) -> pl.LazyFrame:
        """Join the traces with everything known about them: a row per trace, lazily.

        Columns: those of `traces`; the task's `source`, `family`, `difficulty`, `question`, `answer` and `verifier`;
        those of `verdicts`, `measures` and `duplicates`; and `selected`, `stratum` and `reason` of the mix, or, of
        several mixes, `mixes`: a list of structs with `mix` (its name) and these. A column is null where its table has
        no row for the trace: `duplicate_of` is null for a trace that is kept.
        """
        from infogap.balance.mix_table import mix_by_trace

        tasks = self.table("tasks").drop("solution", "metadata")
        traces = self.table("traces").join(tasks, on="task_id", how="left")
        for name in ("verdicts", "measures", "duplicates"):
            traces = traces.join(self.table(name), on="trace_id", how="left")
        return traces.join(mix_by_trace(self.folder), on="trace_id", how="left")

    def plan_mixes(self, overrides: list[str] | None = None) -> list[MixPlan]:
        """Plan the mixes, with some keys of the recipe changed if asked, without writing anything.

        Args:
            overrides: Keys to set in the recipe, each as `key=value`: `balance.size=500`.

        Returns:
            For each mix its `name`; its `figures`: size, target_size, and per axis and value target, achieved and
            available; `notes`, the first of which name tables that are not up to date; the `shortfall`, None if every
            target is met; and `lacks`, the traces that are missing.

        Raises:
            InputError: A key is not known or not one of `balance`, or a stage that `balance` reads has not run.
            ShortfallError: There are too few tasks for a coverage.
        """
        from infogap.balance.mix_plan import plan_mixes
        from infogap.recipe import load_recipe
        from infogap.runs.pipeline import states_of_inputs

        for override in overrides or []:
            if not override.strip().startswith("balance"):
                raise InputError(
                    f"--set {override}: a plan is over the tables as they are, so it sets keys of `balance` alone; for "
                    "others: infogap sweep"
                )
        loaded = load_recipe(self.folder.path / "recipe.yaml", overrides)
        stale = []
        for state in states_of_inputs(self.folder, "balance"):
            if state.rows is None:
                raise InputError(
                    f"{self.path} has no tables of {state.stage} yet; first: infogap {state.stage} {self.path}"
                )
            if state.state != "done":
                stale.append(f"{state.stage} is {state.state} ({state.why[0]}): this is over its tables as they are")
        folder = replace(self.folder, recipe=loaded.recipe, places=loaded.places)
        return [replace(plan, notes=[*stale, *plan.notes]) for plan in plan_mixes(folder)]

    def effects(self) -> pl.DataFrame:
        """Compare the privileges: paired differences over the same tasks, a row per comparison and quantity.

        Returns:
            `teacher`, `privilege`, `against` (`unguided`, or a control); `quantity` (score, length, epistemic_count,
            epistemic_density, gap_per_token, surprisal, rsr) and its `lexicon`; `tasks`, the number of tasks that have
            both, `differing`, those whose difference is not 0; `mean`, the mean difference per task, and the bounds
            `low` and `high` of its 95 % interval, null if too few tasks differ; `about`, which is knowledge or style
            for a contrast with a control, else null. Units and formulas are in docs/effects.md.

        Raises:
            InputError: The tasks were selected by verdicts that are not up to date.
        """
        import polars as pl

        from infogap.effects.effects_table import effects_of

        rows: list[dict[str, Any]] = []
        for effects in effects_of(self.folder, self.is_done("verify")):
            tables = effects.as_json()
            rows += [row | {"teacher": tables["teacher"]} for row in (*tables["differences"], *tables["contrasts"])]
        schema: dict[str, Any] = {
            **dict.fromkeys(("teacher", "privilege", "against", "quantity", "lexicon"), pl.String),
            **dict.fromkeys(("tasks", "differing"), pl.Int64),
            **dict.fromkeys(("mean", "low", "high"), pl.Float64),
            "about": pl.String,
        }
        named = [row | {"quantity": row["name"], "about": row.get("about")} for row in rows]
        return pl.DataFrame([{name: row[name] for name in schema} for row in named], schema=schema)

    def privilege_worth(self) -> pl.DataFrame:
        """Estimate what each privilege was worth: a few numbers for all but `unguided` and the controls.

        Returns:
            `teacher`, `privilege`; `of`: accuracy, gap (nats per token), leak_rate (a share) or density (markers per
            1,000, by `lexicon`); `against`, what is subtracted: `unguided`, for the gap a control, null for the leak
            rate; `same_traces`, for the gap: true if the control's context took the place of the trace's own, false
            if the control's own traces are subtracted; `tasks`, `differing`, `mean`, and the bounds `low` and `high`
            of its 95 % interval, null if too few tasks differ. Formulas are in docs/effects.md.

        Raises:
            InputError: The tasks were selected by verdicts that are not up to date.
        """
        import polars as pl

        from infogap.effects.effects_table import effects_of

        schema: dict[str, Any] = {
            **dict.fromkeys(("teacher", "privilege", "of", "against", "lexicon"), pl.String),
            "same_traces": pl.Boolean,
            **dict.fromkeys(("tasks", "differing"), pl.Int64),
            **dict.fromkeys(("mean", "low", "high"), pl.Float64),
        }
        rows = [
            {"teacher": effects.teacher, **row.as_json()}
            for effects in effects_of(self.folder, self.is_done("verify"))
            for row in effects.worth
        ]
        return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)

    def teachers(self) -> pl.DataFrame:
        """Compare the teachers on the tasks and privileges that all of them answered; no rows with only one teacher.

        Returns:
            `rank`, 1 the most accurate; `teacher`; `quantity` (score, length in words, epistemic_density,
            gap_per_token, surprisal, rsr) and its `lexicon`; `tasks`, `differing`, `mean`, and the bounds `low` and
            `high` of its 95 % interval, null if too few tasks differ. Formulas are in docs/effects.md.

        Raises:
            InputError: The tasks were selected by verdicts that are not up to date.
        """
        import polars as pl

        from infogap.effects.teacher_ranking import rank_teachers

        ranking = rank_teachers(self.folder, self.is_done("verify"))
        rows = [
            {"rank": rank, "teacher": row.teacher, **estimate.as_json()}
            for rank, row in enumerate(ranking.teachers if ranking else [], 1)
            for estimate in row.estimates.values()
        ]
        schema: dict[str, Any] = {
            "rank": pl.Int64,
            **dict.fromkeys(("teacher", "quantity", "lexicon"), pl.String),
            **dict.fromkeys(("tasks", "differing"), pl.Int64),
            **dict.fromkeys(("mean", "low", "high"), pl.Float64),
        }
        named = [row | {"quantity": row["name"]} for row in rows]
        return pl.DataFrame([{name: row[name] for name in schema} for row in named], schema=schema)
