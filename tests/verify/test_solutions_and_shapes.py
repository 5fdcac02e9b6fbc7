"""Answers of several solutions, residue classes, multiples of matrices, and the shapes of collections."""

from __future__ import annotations

import pytest

from infogap.verify.base import Item
from infogap.verify.verifiers import grade

SAME_SOLUTIONS = [
    (r"x=\pm2", "x=2, x=-2"),
    (r"x=\pm2", "x = -2, x = 2"),
    (r"\pm 2", "x=2, x=-2"),
    ("x=1, 2", "x=1, x=2"),
    ("2, 1", "x=1, x=2"),
    ("(2,1)", "y=1, x=2"),
    ("y=1, x=2, z=3", "(2,1,3)"),
    ("y=1 and x=2", "(2,1)"),
    (r"x=\frac{1\pm\sqrt5}{2}", r"\frac{1+\sqrt5}{2}, \frac{1-\sqrt5}{2}"),
    (r"x=\frac{1\pm\sqrt5}{2}", r"x=\frac{1+\sqrt5}{2},\ x=\frac{1-\sqrt5}{2}"),
    (r"x=\frac{1\pm\sqrt5}{2}", r"x=\frac{1-\sqrt5}{2}\text{ or }x=\frac{1+\sqrt5}{2}"),
    (r"\frac{1\pm\sqrt5}{2}", r"\frac12\pm\frac{\sqrt5}{2}"),
    (r"(1\pm\sqrt5)/2", r"\frac{1\pm\sqrt5}{2}"),
    (r"\sqrt{3\pm1}", r"2, \sqrt2"),
    (r"\left\{\frac{1\pm\sqrt5}{2}\right\}", r"x=\frac{1\pm\sqrt5}{2}"),
    (r"\{0, \frac{1\pm\sqrt5}{2}\}", r"\frac{1+\sqrt5}{2}, \frac{1-\sqrt5}{2}, 0"),
    (r"(1, \pm 2)", "(1,2),(1,-2)"),
    ("(1,2),(1,-2)", r"(1, ±2)"),
    (r"1, \frac{-1\pm i\sqrt3}{2}", r"1, \frac{-1+i\sqrt3}{2}, \frac{-1-i\sqrt3}{2}"),
]
OTHER_SOLUTIONS = [
    (r"x=\pm2", "y=2, y=-2"),
    (r"x=\pm2", "x=2"),
    ("x=2", "x=2, x=-2"),
    ("(1,2)", "y=1, x=2"),
    ("y=1, x=2", "(1,2)"),
    ("x=1, y=2", "x=1, x=2"),
    ("x=1, x=2", "x=1, y=2"),
    (r"x=\pm2", "x=2, y=-2"),
    (r"\frac{1\pm\sqrt5}{2}", r"\frac{1+\sqrt5}{2}"),
    (r"\frac{1\pm\sqrt5}{2}", r"\frac{1\pm\sqrt3}{2}"),
    (r"(1, \pm 2)", "(1,2)"),
    (r"(1, \pm 2)", "(1,2),(-1,2)"),
]
SAME_CLASSES = [
    (r"x\equiv 7\pmod{12}", r"7\pmod{12}"),
    (r"7 \pmod{12}", r"n \equiv 7 \pmod {12}"),
    (r"x \equiv 7 \pmod{12}", r"x \equiv 7 \mod 12"),
    (r"x \equiv 7 \pmod{12}", "x ≡ 7 (mod 12)"),
    (r"x \equiv 7 \pmod{12}", r"x \equiv 19 \pmod{12}"),
    (r"x \equiv -5 \pmod{12}", r"x \equiv 7 \bmod 12"),
]
OTHER_CLASSES = [
    (r"x\equiv 7\pmod{12}", r"x\equiv 7\pmod{13}"),
    (r"x\equiv 7\pmod{12}", r"x\equiv 5\pmod{12}"),
    (r"x\equiv 7\pmod{12}", r"y\equiv 7\pmod{12}"),
    (r"x\equiv 7\pmod{12}", "7"),
    (r"x\equiv 7\pmod{0}", r"x\equiv 7\pmod{1}"),
    (r"x \equiv 1, 5 \pmod 6", r"x \equiv 5 \pmod 6"),
]
SAME_MATRICES = [
    (r"\begin{pmatrix}1/2&0\\0&1\end{pmatrix}", r"\frac12\begin{pmatrix}1&0\\0&2\end{pmatrix}"),
    (r"\begin{pmatrix}-2\\4\end{pmatrix}", r"-2\begin{bmatrix}1\\-2\end{bmatrix}"),
]
OTHER_MATRICES = [
    (r"\begin{pmatrix}1&0\\0&1\end{pmatrix}", r"\frac12\begin{pmatrix}1&0\\0&2\end{pmatrix}"),
    (r"\begin{pmatrix}-2\\4\end{pmatrix}", r"-2\begin{bmatrix}1&-2\end{bmatrix}"),
]
SAME_SHAPES = [
    (r"\{1,2\}", r"\{2,1\}"),
    (r"\{1,2\}", "2, 1"),
    ("1, 2", "(1, 2)"),
    (r"\{5\}", "(5)"),
    (r"\{(1,2)\}", "(1,2)"),
    ("(1,2)", r"\left\{ (1,2) \right\}"),
    (r"\{(1,2),(3,4)\}", "(3,4), (1,2)"),
]
OTHER_SHAPES = [
    (r"\{1,2\}", "(1,2)"),
    (r"\{1,2\}", "(2,1)"),
    (r"\{1,2\}", "[1,2]"),
    (r"\{3,1,2\}", "(1,2,3)"),
    ("(1,2)", r"\{1,2\}"),
    (r"\{\{1\},\{2\}\}", r"\{1,2\}"),
    (r"\{(1,2),(3,4)\}", "(1,2)"),
    (r"\emptyset", r"\{\emptyset\}"),
]
SAME_QUANTITIES = [
    (r"30^\circ", r"\angle ABC = 30^\circ"),
    ("30", r"m\angle B = 30°"),
    ("5", r"\text{Area} = 5"),
    (r"5\text{ cm}^2", r"\text{Area} = 5\text{ cm}^2"),
    (r"\frac12", r"\text{Probability} = \frac{1}{2}"),
]
OTHER_QUANTITIES = [
    ("30", r"\angle ABC = 60^\circ"),
    ("5", r"\text{Area} = 5\text{ or }6"),
    ("5", r"\text{Area} = 5k"),
    ("5", r"\text{Area} \ne 5"),
    ("5", r"\text{Suppose Area} = 5"),
    ("5", r"\text{Not Area} = 5"),
]


@pytest.mark.parametrize(
    ("gold", "answer"),
    [*SAME_SOLUTIONS, *SAME_CLASSES, *SAME_MATRICES, *SAME_SHAPES, *SAME_QUANTITIES],
)
def test_the_same_answer_is_correct(gold: str, answer: str) -> None:
    assert grade(Item("math", "?", gold, None, answer)).verdict == "correct"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [*OTHER_SOLUTIONS, *OTHER_CLASSES, *OTHER_MATRICES, *OTHER_SHAPES, *OTHER_QUANTITIES],
)
def test_another_answer_is_wrong(gold: str, answer: str) -> None:
    assert grade(Item("math", "?", gold, None, answer)).verdict == "wrong"
