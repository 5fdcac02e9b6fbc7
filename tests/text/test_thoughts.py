"""Splitting a model's text into reasoning and response."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.text.thought_tags import is_tag, tag_reader
from infogap.text.thoughts import CLOSING, OPENING, Parts, joined, opens_thought, read_parts, split

PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<Thought>", "</Thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|im_start|>think", "<|im_start|>answer"),
    ("<longcat_think>", "</longcat_think>"),
    ("<mm:think>", "</mm:think>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
]
TAGS = [tag for pair in PAIRS for tag in pair]
words = st.text(st.characters(exclude_characters="<[◁`'\"“‘|", exclude_categories=["Cs"]), max_size=12)
untagged = words.filter(lambda text: not text.strip().startswith(("analysis", "final")))
tagged = st.lists(st.one_of(untagged, st.sampled_from([*TAGS, "\n", "<|im_end|>"]))).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nLet me add.\n</think>\n\nIt is 4.", ("Let me add.", "It is 4.")),
        ("  <think>a</think>b", ("a", "b")),
        ("Let me add.\n</think>\nIt is 4.", ("Let me add.", "It is 4.")),
        ("<think>\n\n</think>\n\nIt is 4.", ("", "It is 4.")),
        ("<think>Is it 4? Wait", ("Is it 4? Wait", "")),
        ("<think>", ("", "")),
        ("It is 4.", ("", "It is 4.")),
        ("", ("", "")),
        ("Sure.\n<think>Is it 4?", ("Sure.\nIs it 4?", "")),
    ],
)
def test_known_shapes(text: str, expected: tuple[str, str]) -> None:
    assert split(text) == expected
    assert split(text, truncated=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<|begin_of_thought|>\n\nIs it 4?\n\n<|end_of_thought|>\n\n"
            "<|begin_of_solution|>\n\n4.\n\n<|end_of_solution|>",
            ("Is it 4?", "4."),
        ),
        ("<|begin_of_thought|>Is it 4?\n<|begin_of_solution|>4.", ("Is it 4?", "4.")),
        ("<|begin_of_thought|>\n\nIs it \\boxed{4}? Hmm", ("Is it \\boxed{4}? Hmm", "")),
        (
            "<|channel|>analysis<|message|>Is it 4?<|end|><|start|>assistant<|channel|>commentary<|message|>I add."
            "<|end|><|start|>assistant<|channel|>final<|message|>4.<|return|>",
            ("Is it 4?\nI add.", "4."),
        ),
        ("<|channel|>analysis<|message|>Is it 4?<|end|>", ("Is it 4?", "")),
        ("analysis<|message|>Is it 4?<|end|><|start|>assistant<|channel|>final<|message|>4.", ("Is it 4?", "4.")),
        ("analysisIs it 4?assistantfinal4.", ("Is it 4?", "4.")),
        ("<|channel|>final <|constrain|>json<|message|>{}", ("", "{}")),
        ("<|im_start|>assistant\n<|im_start|>think\nIs it 4?\n<|im_start|>answer\n4.<|im_end|>", ("Is it 4?", "4.")),
        ("<|START_THINKING|>Is it 4?<|END_THINKING|><|START_RESPONSE|>4.<|END_RESPONSE|>", ("Is it 4?", "4.")),
        ("<|channel>thought\nIs it 4?\n<channel|>4.<turn|>", ("Is it 4?", "4.")),
        ("<|channel>thought\n<channel|>4.", ("", "4.")),
        ("<unused94>thought\nIs it 4?<unused95>4.", ("Is it 4?", "4.")),
        ("Is it 4?\n[BEGIN FINAL RESPONSE]\n4.\n[END FINAL RESPONSE]\n<|end|>", ("Is it 4?", "4.")),
        ("Here are my reasoning steps:\nIs it 4?\n[BEGIN FINAL RESPONSE]\n4.", ("Is it 4?", "4.")),
        ("Here is my thought process:\n\nIs it 4?\n\nHere is my response:\n\n4.", ("Is it 4?", "4.")),
        ("Here's my thought process: Is it 4? Here's my response: 4.", ("Is it 4?", "4.")),
        ("Here is my thought process: I add. It is 4.", ("", "Here is my thought process: I add. It is 4.")),
        ("Here is my response: 4.", ("", "Here is my response: 4.")),
        ("\ufeff<think>Is it 4?</think>4.", ("Is it 4?", "4.")),
        ("< Think >Is it 4?</ think >4.", ("Is it 4?", "4.")),
        ("<thinking>Is it 4?</think>4.", ("Is it 4?", "4.")),
    ],
)
def test_other_tags(text: str, expected: tuple[str, str]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a <think>b</think> c</think>\n4.", ("a b c", "4.")),
        ("<think>a</think>\nSo.\n<think>b \\boxed{5}?</think>\n4.", ("a\nSo.\nb \\boxed{5}?", "4.")),
        ("<think>a</think>\nSo.\n<think>b, maybe 4", ("a\nSo.\nb, maybe 4", "")),
        ("<think><think>a</think>4.", ("a", "4.")),
        ("<think>a</think></think>\n4.", ("a", "4.")),
        ("<think>a</think>b\n</think>4.", ("a\nb", "4.")),
        ("<think>a</think>4.</think>", ("a", "4.")),
        ("<think>a</think>4.<think>right</think>", ("a\nright", "4.")),
        ("4.<think>right</think>", ("right", "4.")),
        ("<think>a <think> b</think>4.", ("a  b", "4.")),
    ],
)
def test_nested_and_further_thoughts_are_thought(text: str, expected: tuple[str, str]) -> None:
    assert split(text) == expected


def test_what_follows_the_last_thought_of_a_text_that_was_cut_off_is_still_to_come() -> None:
    assert split("So.<think>a</think>", truncated=True) == ("So.\na", "")


def test_quoted_tags_are_words() -> None:
    assert split("<think>a</think>`</think>` ends it, “<think>” begins it.")[1] == (
        "`</think>` ends it, “<think>” begins it."
    )
    assert split('The token "<|im_end|>" ends a turn.')[1] == 'The token "<|im_end|>" ends a turn.'
    assert split("<think>With `</think>` I end it.</think>4.") == ("With `` I end it.", "4.")


@pytest.mark.parametrize(
    ("text", "tokens", "ran_on"),
    [
        ("It is 4.<|im_end|>", ("<|im_end|>",), False),
        ("<think>a</think>It is 4.<｜end▁of▁sentence｜>", ("<｜end▁of▁sentence｜>",), False),
        ("It is 4.</s>", ("</s>",), False),
        ("It is 4.\n<|eot_id|>\n<pad><pad> ", ("<pad>", "<|eot_id|>"), False),
        ("<s>It is 4.<|somebodys_end|>", ("<|somebodys_end|>",), False),
        ("<think>a</think><|endoftext|>It is 4.", ("<|endoftext|>",), False),
        ("It is 4.<|im_end|>\n<|im_start|>user\nAnd 5?", ("<|im_end|>",), True),
        ("<think>a<|im_end|></think>It is 4.<|end_of_text|>Question: 5?", ("<|im_end|>", "<|end_of_text|>"), True),
    ],
)
def test_end_tokens_end_the_answer(text: str, tokens: tuple[str, ...], ran_on: bool) -> None:
    parts = read_parts(text)
    assert (parts.response, parts.end_tokens, parts.ran_on) == ("It is 4.", tokens, ran_on)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<reasoning>a</reasoning>\n<answer>\n4\n</answer>", ("a", "4")),
        ("<think>a</think><answer>4</answer>", ("a", "4")),
        ("<think>a\n<answer>4</answer>", ("a", "4")),
        ("<think>put it in <answer> tags</think><answer>4", ("put it in <answer> tags", "4")),
        ("<think>a</think>So:\n<answer>4</answer>", ("a", "So:\n<answer>4</answer>")),
        ("<think>a</think><answer>4\n5</answer>", ("a", "<answer>4\n5</answer>")),
        ("<answer>4</answer>", ("", "<answer>4</answer>")),
    ],
)
def test_the_answers_tags_of_templates_with_thoughts(text: str, expected: tuple[str, str]) -> None:
    parts = read_parts(text, unwrap=True)
    assert (parts.reasoning, parts.response) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think>\n<response>It is 4.</response>", ("a", "It is 4.")),
        ("<Thought>a</Thought><Output>4</Output>", ("a", "4")),
        ("<think>a</think><final_answer>4", ("a", "4")),
        ("&lt;think&gt;a 5&lt;/think&gt;4", ("a 5", "4")),
        ("<response>4</response>", ("", "<response>4</response>")),
        ("<think>a</think>An <output>4</output> tag", ("a", "An <output>4</output> tag")),
    ],
)
def test_what_frames_the_answer_after_a_thought_is_no_part_of_it(text: str, expected: tuple[str, str]) -> None:
    assert split(text) == expected


def test_an_answer_in_tags_inside_a_thought_that_was_cut_off_is_none() -> None:
    assert split("<think>say <answer>4</answer>", truncated=True) == ("say <answer>4</answer>", "")


def test_a_pair_that_a_recipe_names_is_read_beside_the_known_ones() -> None:
    pair = ("{ponder}", "{done}")
    assert split("{ponder}a{done}4.", pair=pair) == ("a", "4.")
    assert split("{ponder}a", pair=pair) == ("a", "")
    assert split("<think>a</think>4.", pair=pair) == ("a", "4.")
    assert split("{ponder}a{done}4.") == ("", "{ponder}a{done}4.")


def test_truncated_answer_of_a_model_that_does_not_think_stays_an_answer() -> None:
    assert split("It is", truncated=True) == ("", "It is")


def test_prompt_that_opened_the_thought_makes_untagged_text_reasoning() -> None:
    assert split("Is it 4? Wait", opened=True) == ("Is it 4? Wait", "")
    assert split("Is it 4?</think>4", opened=True) == ("Is it 4?", "4")
    assert split("<think>Is it 4?</think>4", opened=True) == ("Is it 4?", "4")


@pytest.mark.parametrize(
    ("thought", "text", "expected"),
    [
        ("a b", "<think>a\nb</think>4.", ("a b", "4.")),
        ("a", "\n</think>\n\n4.", ("a", "4.")),
        ("a", "4.", ("a", "4.")),
        ("<think>a</think>", "4.", ("a", "4.")),
        ("a", "<think>a and b</think>4.", ("a and b", "4.")),
        ("a", "<think>b</think>4.", ("a\n\nb", "4.")),
        ("a", "", ("a", "")),
    ],
)
def test_a_thought_that_also_came_by_itself_is_told_once(thought: str, text: str, expected: tuple[str, str]) -> None:
    parts = joined(thought, read_parts(text))
    assert (parts.reasoning, parts.response) == expected


def test_the_tags_that_were_read_are_named() -> None:
    assert read_parts("[THINK]a[/THINK]4.").tags == ("[THINK]",)
    assert read_parts("a</think>4.") == Parts("a", "4.", ("<think>",), began_inside=True)
    assert read_parts("4.").tags == ()


def test_prompts_that_end_inside_a_thought() -> None:
    assert opens_thought("<|Assistant|><think>\n")
    assert opens_thought("[THINK]")
    assert not opens_thought("<think>\n\n</think>\n\n")
    assert not opens_thought("Assistant:")


def test_tokens_that_are_tags() -> None:
    assert all(
        is_tag(token)
        for token in ("<think>", "[/THINK]", "<|channel|>", "<|channel>", "<channel|>", "<|begin_of_solution|>")
    )
    assert not any(is_tag(token) for token in ("<|im_end|>", "<|im_start|>", "</s>", "the"))


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
@given(reasoning=untagged, response=untagged)
def test_both_spellings_of_a_closed_thought_agree(opening: str, closing: str, reasoning: str, response: str) -> None:
    expected = (reasoning.strip(), response.strip())
    assert split(f"{opening}\n{reasoning}{closing}\n{response}") == expected
    if response.strip():
        assert split(f"{reasoning}{closing}\n{response}") == expected


@pytest.mark.parametrize("opening", [opening for opening, _ in PAIRS])
@given(text=untagged, truncated=st.booleans())
def test_unclosed_thought_is_never_an_answer(opening: str, text: str, truncated: bool) -> None:
    assert split(f"{opening}\n{text}", truncated=truncated) == (text.strip(), "")


@given(text=tagged, truncated=st.booleans(), opened=st.booleans())
def test_no_tag_is_left_and_no_other_character_is_lost(text: str, truncated: bool, opened: bool) -> None:
    parts = read_parts(text, truncated=truncated, opened=opened)
    assert tag_reader().marks(parts.reasoning) == tag_reader().marks(parts.response) == []
    assert (parts.reasoning, parts.response) == (parts.reasoning.strip(), parts.response.strip())
    if not parts.ran_on:
        kept = Counter("".join((parts.reasoning + parts.response).split()))
        assert kept == Counter("".join(tag_reader().without(text).split()))


@given(reasoning=untagged, response=untagged)
def test_thoughts_as_they_are_published_are_read_back(reasoning: str, response: str) -> None:
    parts = read_parts(f"{OPENING}\n{reasoning}\n{CLOSING}\n\n{response}")
    assert (parts.reasoning, parts.response) == (reasoning.strip(), response.strip())
