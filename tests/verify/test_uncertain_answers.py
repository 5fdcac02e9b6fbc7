"""What is certain in a whole response: denials, suppositions, answers with several parts, units, ratios."""

from __future__ import annotations

import pytest

from infogap.text.option_parser import options
from infogap.text.stated_answers import stated
from infogap.verify.base import Grade
from infogap.verify.gold_answers import SEVERAL_SENTENCES
from infogap.verify.grade_traces import prepared
from infogap.verify.verifiers import grade, verifier


def graded(name: str, gold: str, response: str, question: str = "?") -> Grade:
    task = {"task_id": "t", "question": question, "answer": gold, "verifier": name, "metadata": None}
    trace = {"error": None, "response": response, "reasoning": None, "finish_reason": "stop"}
    found = prepared(task, trace)
    return found if isinstance(found, Grade) else grade(found)


DENIED = [
    "So she does not own 8.",
    "So she doesn't have 8 hens",
    "So she doesn’t get 8.",
    "Hence it cannot equal 8.",
    "Thus the sum never becomes 8.",
    "Hence nobody has 8.",
    "There is no way to make 8.",
    "So the length is not equal to 8.",
    "So y ≤ 8",
    "The answer is 8 (wrong).",
    "It is 8 (rejected)",
    "So y ≠ 8.",
    "So y != 8.",
    "So y >= 8",
    "So y ≯ 8",
    r"So $y \not= 8$.",
    "So y =/= 8",
    "It is not $8$.",
    "It is not **8**.",
    "Thus $y=8$ is impossible.",
    "It may be 8.",
    "Suppose we have 8.",
    "If y = 8",
    "Let y = 8.",
    "So y exceeds 8.",
    "Everything but 8.",
    "Is it 8?",
    "The answer is not equal to 8.",
    "The answer isn't 8.",
    "The answer must not be 8.",
    "Guess: Area = 8?",
    "The answer is 8?",
    "The answer is 8. Wait, that is wrong.",
    "The answer is 8, which is wrong.",
    "The claim that the answer is 8 is false.",
    "I doubt that the answer is 8.",
    "We are not certain that the answer is 8.",
    "It is false that the answer is 8.",
    "No one can say the answer is 8.",
    "Suppose that the answer is 8. This fails.",
    "Assume the answer is 8. Then y = 2, a contradiction.",
    "Many believe the answer is 8. They are in error.",
    "Tom claims that the answer is 8.",
    "One might think the answer is 8.",
    "If the answer is 8, then y = 3.",
    "We are asked whether it is 8.",
    "Prove that y = 8.",
    "A naive answer is 8.",
    "I used to think the answer is 8.",
    "Were it even, the answer would be 8.",
    "Had we doubled it, the answer would be 8.",
    "The answer is 8... no, 9.",
    "The answer is 9, not 8.",
    "So it is 9 rather than 8.",
    r"The answer is not \boxed{8}.",
    r"The answer is \boxed{9}, not \boxed{8}.",
    r"It is \boxed{9} rather than $\boxed{8}$.",
]
SAID = [
    "Final answer:\n- 8",
    "Answer:\n> 8",
    "Answer: 8 (twenty-two less fourteen)",
    "Answer - 8",
    r"So $y = 8$. $\blacksquare$",
    "Hence y = 8 ∎",
    "Suppose the answer is 7. That fails. So the answer is 8.",
    "The answer is 8. Some say the answer is 7.",
    "If we add both, the answer is 8.",
    "It is not prime, so the answer is 8.",
    "I think the answer is 8.",
    "Contrary to what some say, the answer is 8.",
    "We conclude that the answer is 8.",
    "As 9 is not prime, the sum is 8.",
    "There are 6 hens and 2 ducks, so the total is 8.",
    "If a = 1, then b = 8.",
    "Not surprisingly, the answer is 8.",
    "The answer is 8, not 9.",
    "So y = 8 (not 9).",
    "So it is 8 rather than 9.",
    "So the count is 6+2=<<6+2=8>>8.",
    "It does not matter which one we take: the answer is 8.",
    r"The answer is \boxed{8}, not \boxed{7}.",
    r"It is \boxed{8} instead of **\boxed{7}**.",
]
PARTS = [
    ("-8, 8", "Hence a = -8 or a = 8."),
    ("-8, 8", "So the roots are a = -8 and a = 8."),
    ("6, 7, 8", "Thus p = 6, q = 7 and r = 8."),
    ("4, 8", "So $a = 4$ or $a = 8$."),
    ("4, 8", r"So $a=4 \text{ or } a=8$."),
    ("4, 8", "So $a = 4, b = 8$."),
    ("4, 8", "**a = 4** or **a = 8**"),
    ("4, 8", "a = 4\nor\na = 8"),
    ("4, 8", "Part (a): \\boxed{4}\n\nPart (b): \\boxed{8}"),
    ("4, 8", "**Part (a):** \\boxed{4}\n\n**Part (b):** \\boxed{8}"),
    ("4, 8", "### Part (i)\n\\boxed{4}\n\n### Part (ii)\n\\boxed{8}"),
    ("4, 8", r"\boxed{4}\\ \boxed{8}"),
]
SEVERAL = [
    "He has 4 and she has 8.",
    "So the first is 4, the second is 8.",
    "So the first is 4 while the second is 8.",
    "a = 4; b = 8",
    "a = 4 & b = 8",
    r"So $a=4 \quad b=8$.",
    "Thus a = 4 when b = 8.",
    "So a = 4 => b = 8",
    "It is **4** or **8**.",
]


@pytest.mark.parametrize("verifier", ["math", "numeric"])
@pytest.mark.parametrize("response", DENIED + SEVERAL + [response for _, response in PARTS])
def test_what_is_denied_supposed_or_a_part_is_not_the_answer(verifier: str, response: str) -> None:
    assert graded(verifier, "8", response).verdict != "correct"


@pytest.mark.parametrize("verifier", ["math", "numeric"])
@pytest.mark.parametrize("response", SAID)
def test_what_is_said_is_the_answer(verifier: str, response: str) -> None:
    assert graded(verifier, "8", response).verdict == "correct"


@pytest.mark.parametrize(("gold", "response"), PARTS)
def test_all_parts_are_the_answer(gold: str, response: str) -> None:
    assert graded("math", gold, response).verdict == "correct"


OTHER_UNITS = [
    ("7 kPa", "7 MPa"),
    (r"7\text{ k}\Omega", r"7\ \Omega"),
    (r"7\ \mu\mathrm{F}", r"7\ \mathrm{F}"),
    (r"7\% \text{ increase}", r"7\% \text{ decrease}"),
    ("7 m left", "7 m right"),
    ("7 km north", "7 km south"),
    ("7 km north-east", "7 km north"),
    ("$7 profit", "$7 loss"),
    ("7 mm^2", "7 mm"),
    ("7 m^3", "7 m^2"),
    ("7 km/s^2", "7 km/s"),
    ("7 km/h", "7 km/s"),
    ("7 mph", "7 km/h"),
    ("7 THz", "7 GHz"),
    ("7 keV", "7 J"),
    (r"7^\circ", "7'"),
    ("7''", "7'"),
    ("7 N m", "7 N"),
    ("7 kWh", "7 kW"),
    ("7 g/cm^3", "7 kg/m^3"),
    ("7 m^{-1}", "7 m"),
    ("7 square feet", "7 feet"),
    ("7 cubic inches", "7 square inches"),
    ("7 miles per hour", "7 miles"),
    ("7 mol/L", "7 mol"),
    ("7 µm", "7 nm"),
    (r"7\text{ m/s}", r"7\text{ m/s}^2"),
    ("7 euros per day", "7 euros"),
    ("7 yards squared", "7 yards"),
]
SAME_UNITS = [
    ("7 kPa", "7"),
    (r"7 \mathrm{~kV}", "7"),
    ("7 atm", "7"),
    (r"7\ \Omega", r"7\text{ ohms}"),
    (r"7 \mathrm{~k}\Omega", "7 kΩ"),
    (r"7\ \mu\text{F}", "7 µF"),
    (r"7\ \mathrm{\mu F}", "7"),
    (r"7\text{元}", "7"),
    (r"7\text{ Å}", "7"),
    ("$7 profit", "$7 gain"),
    ("7 km north", "7 km"),
    ("37 °C", "37 C"),
    ("7 mm^2", "7 square millimeters"),
    ("7 km/s^2", "7 km s^{-2}"),
    ("7 m/s^2", "7 metres per second squared"),
    ("7 km/h", "7 kilometres per hour"),
    ("7 mph", "7 mi/h"),
    ("7 THz", "7 terahertz"),
    ("7 N m", r"7 N\cdot m"),
    ("7 N m", "7 J"),
    ("7 km/h", "7"),
    ("7 red hens", "7 hens"),
    (r"7^\circ", "7 degrees"),
    ("£7", "7 pounds"),
    ("7 square units", "7 units^2"),
]
OTHER_NUMBERS = [
    ("7", "7 lakh"),
    ("7", "7 crore"),
    ("7", "7 gross"),
    ("7", "7 couples"),
    ("7", "7 pairs of socks"),
    ("7", "7 percent of y"),
    ("7", "7% of y"),
    ("7", "7 per mille"),
    ("7", "7 quadrillion"),
    ("7", "7:1"),
    ("7", "7 : 1"),
    ("7", r"7 \colon 1"),
    ("7", "7∶1"),
    ("1", "1:1"),
    ("2:3", "3:2"),
]


@pytest.mark.parametrize(("one", "other"), OTHER_UNITS)
def test_other_units_are_wrong(one: str, other: str) -> None:
    for gold, answer in ((one, other), (other, one)):
        assert graded("math", gold, rf"\boxed{{{answer}}}").verdict == "wrong"
    assert graded("numeric", "7 km/h", r"\boxed{7 m/s}").verdict == "wrong"


@pytest.mark.parametrize(("one", "other"), SAME_UNITS)
def test_the_same_units_are_correct(one: str, other: str) -> None:
    for gold, answer in ((one, other), (other, one)):
        assert graded("math", gold, rf"\boxed{{{answer}}}").verdict == "correct"


@pytest.mark.parametrize(("gold", "answer"), OTHER_NUMBERS)
def test_words_and_signs_that_make_another_number(gold: str, answer: str) -> None:
    assert graded("math", gold, f"The answer is {answer}.").verdict == "wrong"
    if gold.isdigit() and "%" not in answer:
        assert graded("numeric", gold, f"The answer is {answer}.").verdict != "correct"


def test_large_numbers_in_words() -> None:
    for answer, gold in (("3 lakh", "300000"), ("2.5 crore", "25000000"), ("2 gross", "288"), ("7:1", "14:2")):
        assert graded("math", gold, f"The answer is {answer}.").verdict == "correct"


def test_of_a_gold_answer_of_nothing_only_nothing_is_right() -> None:
    assert graded("numeric", "0", r"\boxed{0.0}").verdict == "correct"
    assert graded("numeric", "0", r"\boxed{1e-8}").verdict == "wrong"


LOOSE_LATEX = [
    (r"\frac y3", "y/3"),
    (r"\frac y{3}", "y/3"),
    (r"\frac1y", "1/y"),
    (r"\frac5y", r"\frac{5}{y}"),
    (r"\frac pq", "p/q"),
    (r"\dfrac k4", "k/4"),
    (r"\tfrac1k", "1/k"),
    (r"\frac\pi4", r"\pi/4"),
    (r"5\frac\pi6", r"\frac{5\pi}{6}"),
    (r"\frac e3", "e/3"),
    (r"\frac\theta\phi", r"\theta/\phi"),
    (r"\frac{1}\pi", r"1/\pi"),
    (r"\frac13y", "y/3"),
    (r"\sqrt\pi", r"\sqrt{\pi}"),
    (r"\sqrt[3]y", r"\sqrt[3]{y}"),
    (r"\sqrt\frac14", r"\frac12"),
    (r"\frac\sqrt{5}2", r"\sqrt{5}/2"),
    (r"y^\frac12", r"\sqrt{y}"),
    (r"\binom62", "15"),
]
OTHER_LOOSE_LATEX = [
    (r"\frac y3", "3/y"),
    (r"\frac1y", "y"),
    (r"\frac\pi4", r"\pi"),
    (r"\sqrt\pi", r"\pi"),
    (r"\frac13", "13"),
    (r"\frac13y", "1/(3y)"),
]
REMARKS = [
    "The answer is 23, since 11 + 12 = 23.",
    "The answer is 23 because 11 and 12 are 23.",
    "**Answer:** 23, as 11 + 12 = 23.",
    "Answer: 23 (since 11 + 12 = 23)",
    "The answer is 23 as computed above.",
    "The answer is 23, which is prime.",
    "The answer is \\(23\\), which satisfies the equation.",
    "The answer is 23, corresponding to option B.",
    "The answer is $23$, obtained by adding 11 and 12.",
    "The answer is 23 which is odd.",
    "The answer is 23 — done.",
    "The answer is 23 - simple!",
    "The answer is 23 ✅",
    "The answer is **23** ducks.",
    "The answer is $23$ ducks, because 11 + 12 = 23.",
    "**Answer:**\n\nThe total is 23.",
    "Answer: There are 23 ducks.",
    "Answer: So she has **23** ducks left.",
    r"\boxed{\text{The answer is } 23}",
    "The answer is: 11 + 12 = 23.",
    "So Eve paid 23 dollars in total.",
    "Eve spent a total of 23 dollars.",
    "So Eve paid $23 in all.",
    "**23** ducks",
]
NO_REMARKS = [
    "The answer is 23 which is wrong.",
    "The answer is 23 ❌",
    "The answer is 23 - 4.",
    "The answer is 23 - y.",
    "The answer is 23 — three.",
    "The answer is 23 — or 24.",
    "The answer is 23, where 24 is right also.",
    "The answer is 23 as an upper bound.",
    "The answer is 24, which is 23 plus one.",
    "The answer is 23, which suggests that one of us may be mistaken.",
    "Answer: 23 or more, because 11 + 12 = 23.",
    r"\boxed{\text{The answer is not } 23}",
    "Answer: The total is 23 or 24.",
    "Answer: The total cannot be 23.",
    "Answer: There are 23 ducks and 4 hens.",
    "Answer: The number whose square is 23",
    "So Eve paid 23 dollars and 4 cents.",
    "So Eve did not pay 23 dollars in total.",
]


@pytest.mark.parametrize(("one", "other"), LOOSE_LATEX)
def test_latex_needs_no_braces(one: str, other: str) -> None:
    for gold, answer in ((one, other), (other, one)):
        assert graded("math", gold, rf"\boxed{{{answer}}}").verdict == "correct"


@pytest.mark.parametrize(("one", "other"), OTHER_LOOSE_LATEX)
def test_latex_without_braces_is_read_as_tex_reads_it(one: str, other: str) -> None:
    for gold, answer in ((one, other), (other, one)):
        assert graded("math", gold, rf"\boxed{{{answer}}}").verdict == "wrong"


@pytest.mark.parametrize("verifier", ["math", "numeric"])
@pytest.mark.parametrize("response", REMARKS)
def test_a_remark_after_the_answer_leaves_it_what_it_is(verifier: str, response: str) -> None:
    assert graded(verifier, "23", response).verdict == "correct"


@pytest.mark.parametrize("verifier", ["math", "numeric"])
@pytest.mark.parametrize("response", NO_REMARKS)
def test_what_makes_another_answer_is_no_remark(verifier: str, response: str) -> None:
    assert graded(verifier, "23", response).verdict != "correct"


def test_words_and_formulas_may_have_a_remark() -> None:
    assert graded("exact", "Lima", "The answer is Lima, because it is the capital.").verdict == "correct"
    assert graded("exact", "Lima", "The answer is Lima, which is wrong.").verdict != "correct"
    assert graded("math", "y+1", "The answer is $y+1$, where y is real.").verdict == "correct"
    assert graded("math", "y+1, where y>0", "The answer is y+1, where y>0").verdict == "correct"
    assert graded("math", "y+1", r"\boxed{y+1, y \ge 0}").verdict == "wrong"


SAME_FORMS = [
    ("(p,q)=(4,9)", "(4,9)"),
    (r"\left(p,q\right)=\left(4,9\right)", "p=4, q=9"),
    ("(731)_9", "731_9"),
    (r"\left(11\right)_{2}", "11_2"),
    ("12:00 AM", "00:00"),
    ("12:20 AM", "00:20"),
    ("midnight", "00:00"),
    ("y>-2, y<6", "(-2,6)"),
    ("y ≥ 4, y < 8", "[4,8)"),
    ("]2,5]", "(2,5]"),
    ("[2,5[", "[2,5)"),
    (r"]2,\infty[", r"(2,\infty)"),
    ("2_000_000", "2000000"),
    ("23,45,678", "2345678"),
    ("0.000 004", "0.000004"),
    ("2.718 281 8", "2.7182818"),
    ("200~000", "200000"),
    ("4'567'890", "4567890"),
    (r"{6 \choose 2}", "15"),
    (r"3\uppi", r"3\pi"),
]
OTHER_FORMS = [
    ("(p,q)=(4,9)", "(9,4)"),
    ("(p,q)=(4,9)", "(q,p)=(4,9)"),
    ("(731)_9", "731_8"),
    ("12:20 AM", "12:20 PM"),
    ("12:20 AM", "12:20"),
    ("y>-2, y<6", "[-2,6]"),
    ("y>-2, z<6", "(-2,6)"),
    ("y>6, y<-2", r"\emptyset"),
    ("]2,5]", "[2,5]"),
    ("]2,5[", "[2,5]"),
    ("2_000", "2"),
    ("23,45", "2345"),
    ("0.5 4", "0.54"),
    ("4'5", "45"),
    (r"{6 \choose 2}", "3"),
]


@pytest.mark.parametrize(("one", "other"), SAME_FORMS)
def test_one_answer_in_two_forms(one: str, other: str) -> None:
    for gold, answer in ((one, other), (other, one)):
        assert graded("math", gold, rf"\boxed{{{answer}}}").verdict == "correct"


@pytest.mark.parametrize(("one", "other"), OTHER_FORMS)
def test_two_answers_in_like_forms(one: str, other: str) -> None:
    for gold, answer in ((one, other), (other, one)):
        assert graded("math", gold, rf"\boxed{{{answer}}}").verdict == "wrong"


@pytest.mark.parametrize(
    ("gold", "answer"), [("0.6", "3/5 cup"), ("1234567", "1'234'567"), ("9", r"\left(9\right)"), ("30000", "30_000")]
)
def test_numbers_in_other_forms(gold: str, answer: str) -> None:
    assert graded("numeric", gold, rf"\boxed{{{answer}}}").verdict == "correct"
    assert graded("numeric", "3", r"\boxed{(3, 4)}").verdict == "wrong"


@pytest.mark.parametrize(
    "response",
    [
        "The answer is 31<|eot_id|><|start_header_id|>user",
        "The answer is 31.<|im_end|>\n<|im_start|>user\nThe answer is 32.",
        r"\boxed{31}</s> \boxed{32}",
        "So it is 31.<|eot_id|>\nuser\n32",
        "<|endoftext|>The answer is 31.<｜end▁of▁sentence｜>The answer is 5.",
    ],
)
def test_what_follows_the_end_is_no_text(response: str) -> None:
    for name in ("math", "numeric"):
        assert graded(name, "31", response).verdict == "correct"


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("St. Paul", "The answer is St. Paul."),
        ("Dr. Who", "The answer is **Dr. Who**. He travels."),
        ("Mt. Etna", "The answer is Mt. Etna."),
        ("Rio de Janeiro", r"\boxed{Rio\ de\ Janeiro}"),
        ("Rio de Janeiro", r"\boxed{\text{Rio~de~Janeiro}}"),
        ("no", "The answer is no. That holds."),
    ],
)
def test_names_are_whole(gold: str, response: str) -> None:
    assert graded("exact", gold, response).verdict == "correct"


@pytest.mark.parametrize(
    "gold",
    [
        "The answer is 45.",
        "Answer: 45",
        "**Final answer:** $45$",
        "A: 45",
        "45~",
        "45\\ ",
        r"She sells \boxed{45} eggs.",
    ],
)
def test_gold_answers_that_are_a_short_sentence(gold: str) -> None:
    for name in ("math", "numeric"):
        assert verifier(name).gold_answer("?", gold).strip() == "45"
    assert verifier("exact").gold_answer("?", gold) == gold


def test_a_worked_solution_in_one_sentence_is_no_gold_answer() -> None:
    solution = r"Adding the four prices of the tickets and taking off the voucher for children gives us \boxed{45}"
    for name in ("math", "numeric"):
        assert verifier(name).gold_answer("?", solution) == solution
        assert verifier(name).check_golds([("?", solution)]) == [SEVERAL_SENTENCES]


_BIRDS = "Which one swims?\nA. a hawk\nB. duck\nC. swift\nD. wren"


@pytest.mark.parametrize(
    "response",
    [
        "The answer is the duck.",
        "The answer is a duck.",
        "The answer is B rather than A.",
        "The answer is B instead of D.",
        "The answer is B—duck can swim.",
        "The answer is B—because of its feet.",
        "正确答案是 B 选项。",
        "答案是选项B",
        "Therefore, the best answer is B) duck.",
        "The most likely answer is B.",
        "It has webbed feet. Answer: (B) duck",
        "It has webbed feet. **Answer: B**",
        "So B.",
        "Therefore, (B).",
        "So the duck.",
    ],
)
def test_the_option_that_is_named(response: str) -> None:
    assert graded("choice", "B", response, _BIRDS).verdict == "correct"


@pytest.mark.parametrize(
    "response",
    [
        "The answer is not B.",
        "The answer is A rather than B.",
        "The answer is B—a hawk swims.",
        "I doubt that the answer is B.",
        "So not B.",
        "So A or B.",
        "So Bea wins.",
        "If B.",
    ],
)
def test_no_option_or_another(response: str) -> None:
    assert graded("choice", "B", response, _BIRDS).verdict != "correct"


@pytest.mark.parametrize("gold", ["$B$", "Answer: B", "B、duck", "The answer is B."])
def test_gold_options(gold: str) -> None:
    assert verifier("choice").gold_answer(_BIRDS, gold) == "B"
    assert verifier("choice").check_golds([(_BIRDS, verifier("choice").gold_answer(_BIRDS, gold))]) == [None]


@pytest.mark.parametrize(
    "question",
    [
        "Which?\n**A.** hawk\n**B.** duck\n**C.** wren",
        "Which?\nA: hawk\nB: duck\nC: wren",
        "Which?\n[A] hawk\n[B] duck\n[C] wren",
        "Which?\nA - hawk\nB - duck\nC - wren",
        r"Which? $\mathrm{(A)\ } hawk\qquad \mathrm{(B)\ }duck\qquad \mathrm{(C)\ }wren$",
    ],
)
def test_more_ways_to_write_options(question: str) -> None:
    assert options(question) == {"A": "hawk", "B": "duck", "C": "wren"}


def test_differences_are_no_options() -> None:
    assert options("Solve.\nA - B = 3\nB - C = 4\nC - A = x") == {}


def test_what_is_no_heading() -> None:
    to_do = "To find the answer for the equation $y^2-3y$, we need to evaluate it at y = 6.\n\nWe can rewrite"
    code = "```python\n# Print the final answer\nprint(chance)\n```"
    assert stated(to_do, cut=True) is None
    assert stated("Let us find the answer\n\n6 is even.") is None
    assert stated(code) is None
    assert stated("**Answer**\n\n6\n") == "6"
    assert stated("**Final answer to the question**\n\n6\n") == "6"
    assert stated("The answer = 6") == "6"


def test_a_factorial_before_an_equals_sign_denies_nothing() -> None:
    assert graded("math", "1440", r"There are $6!\times 2!=\boxed{1440}$ ways.").verdict == "correct"
    assert graded("math", "1440", r"There are $6!=\boxed{1440}$ ways.").verdict == "correct"
    assert graded("math", "7", r"So $y != \boxed{7}$.").verdict != "correct"


@pytest.mark.parametrize(
    "response", [r"\boxed{A} or \boxed{B}", r"$\boxed{B}$ and $\boxed{A}$", "The answer is B or A."]
)
def test_two_options_are_not_the_last_of_them(response: str) -> None:
    question = "Which?\nA) one\nB) two\nC) three"
    assert [graded("choice", gold, response, question).verdict for gold in "AB"] == ["wrong", "wrong"]


@pytest.mark.parametrize("response", ["Final answer:\n- 8", "Answer - 8"])
def test_a_dash_before_an_answer_is_no_sign(response: str) -> None:
    assert graded("math", "-8", response).verdict == "wrong"


def test_a_response_of_one_word_is_compared_in_any_capitals() -> None:
    assert graded("math", "yes", "Yes.").verdict == "correct"
    assert graded("math", "yes", "No.").verdict != "correct"
