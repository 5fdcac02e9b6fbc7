"""The texts of a run to score: each trace, with its prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infogap.ids import stable_id
from infogap.privileges.base import UnmetNeedError
from infogap.privileges.contexts import ContextWriter, reference_prompt, teacher_prompt
from infogap.privileges.decoys import Decoys
from infogap.privileges.prompt_messages import teacher_messages
from infogap.recipe.privilege_entries import PrivilegeUse, privilege_use
from infogap.rows.message_turns import Turn
from infogap.runs.run_folder import Run
from infogap.schema import TASKS
from infogap.teachers.scorer import TextToScore
from infogap.text.thoughts import CLOSING, OPENING

_NEEDED_FOR_DECOYS = ("task_id", "family", "question", "answer", "solution", "verifier", "metadata")


@dataclass(frozen=True)
class TraceTexts:
    """A trace's text, and the key of its score under each prompt.

    `teacher`: its teacher's prompt; None if that is not known. `student`: the student's. `alone`: no prompt at all.
    `others`: further contexts, by name; None if the task or the trace has no such context.
    """

    text: str
    teacher: str | None
    student: str
    alone: str
    others: dict[str, str | None]

    @property
    def keys(self) -> list[str]:
        """All keys, each once."""
        every = [self.student, self.alone, self.teacher, *self.others.values()]
        return list(dict.fromkeys(key for key in every if key is not None))


class Prompts:
    """Renders the prompts of a run's traces, in the run's wording."""

    def __init__(self, run: Run, scorer: dict[str, Any]) -> None:
        """`scorer` identifies the model and its settings: part of every key."""
        gap, generate = run.recipe.measure.gap, run.recipe.generate
        assert gap is not None
        self._scorer = scorer
        self._imported = generate is None
        self._instruction = generate.instruction if generate else ""
        self._wording = generate.wording if generate else "infogap"
        unguided = generate.unguided.label if generate else "unguided"
        self._unguided = {unguided, *(f"{unguided}/{entry.name}" for entry in run.recipe.derive or [])}
        self._others = [privilege_use(name) for name in gap.contexts]
        rows: list[dict[str, Any]] = []
        if any(use.privilege.from_other_tasks for use in self._others):
            rows = run.scan(TASKS).select(_NEEDED_FOR_DECOYS).sort("task_id").collect().to_dicts()
        self._writer = ContextWriter(self._wording, Decoys(run.recipe.seed, rows, run.base))

    def of(
        self, trace: dict[str, Any], task: dict[str, Any], context: str | None
    ) -> tuple[TraceTexts, dict[str, TextToScore]]:
        """Return the texts to score of a trace, given its task's row and its context's text, if that is known."""
        text = written(trace)
        to_score: dict[str, TextToScore] = {}

        def key_of(messages: list[Turn] | None) -> str:
            key = stable_id(self._scorer, messages, text)
            to_score[key] = TextToScore(key, messages, text)
            return key

        student, alone = key_of(self._prompt(task, "")), key_of(None)
        teacher = None
        if context is not None:
            teacher = key_of(self._prompt(task, context))
        elif trace["privilege"] in self._unguided:
            teacher = student
        others = {use.name: self._other(use, task, context) for use in self._others}
        keys = {name: None if prompt is None else key_of(prompt) for name, prompt in others.items()}
        return TraceTexts(text, teacher, student, alone, keys), to_score

    def _prompt(self, task: dict[str, Any], context: str) -> list[Turn]:
        if not self._imported:
            return teacher_messages(task, context, self._instruction, self._wording)
        return self._single(teacher_prompt(task["question"], context, self._instruction, self._wording))

    def _single(self, prompt: str) -> list[Turn]:
        """Strip the end of an imported trace's prompt, where the instruction, which is not known, would follow."""
        return [{"role": "user", "content": prompt.rstrip("\n") if self._imported else prompt}]

    def _other(self, use: PrivilegeUse, task: dict[str, Any], context: str | None) -> list[Turn] | None:
        if use.privilege.scoring:
            if context is None:
                return None
            return self._single(reference_prompt(context, self._instruction, self._wording))
        try:
            return self._prompt(task, self._writer.write(task, use).text)
        except UnmetNeedError:
            return None


def written(trace: dict[str, Any]) -> str:
    """Return a trace as its model wrote it, with the tags of its thought; without a response the thought stays open."""
    reasoning, response = trace["reasoning"] or "", trace["response"] or ""
    if not reasoning:
        return str(response)
    thought = f"{OPENING}\n{reasoning}"
    return f"{thought}\n{CLOSING}\n\n{response}" if response else thought
