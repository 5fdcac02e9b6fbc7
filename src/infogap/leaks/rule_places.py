"""Find the places in texts where the rules of leaks can match: near their words, and where a match can begin.

An automaton finds the words of all rules; a tree of the beginnings of all matches (`match_prefixes`) is walked from
each character. Expressions are tried only where both agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infogap.leaks.leak_rules import Rule
from infogap.leaks.match_prefixes import LINE_START, Prefixes
from infogap.leaks.rule_kernels import ANYWHERE, AT_WORD, Lists, Tree, find_places, grow_roots, grow_tree, hash_of_four
from infogap.text.text_batch import TextBatch
from infogap.text.word_automaton import WordAutomaton

_MANY = 4  # children of a node


class RulePlaces:
    """The search for the places where some rules can match. `beginnings` are those of each rule's matches."""

    def __init__(self, rules: Sequence[Rule], beginnings: Sequence[Prefixes]) -> None:
        words = sorted({word for rule in rules for word in (*rule.words, *rule.also)})
        self._automaton = WordAutomaton.of(words)
        self._sizes = np.array([len(word) for word in words], np.int32)
        number = {word: index for index, word in enumerate(words)}
        near: list[list[int]] = [[] for _ in words]
        also: list[list[int]] = [[] for _ in words]
        for index, rule in enumerate(rules):
            for word in dict.fromkeys(rule.words):
                near[number[word]].append(index)
            for word in dict.fromkeys(rule.also):
                also[number[word]].append(index)
        self._near, self._also = _lists(near), _lists(also)
        self._flags = np.array([(rule.begins, bool(rule.also)) for rule in rules], bool)
        self._tree = _tree(beginnings)

    def find(self, lowered: Sequence[str]) -> np.ndarray:
        """Return where rules can match, sorted: a row of text, rule, place, and start and end of the window around it.

        The texts are in lower case. A window reaches `REACH` characters from words of the rule that are near each
        other; of a rule that begins with one of its words, it begins there. Places are in characters.
        """
        batch = TextBatch.of(lowered)
        ends = batch.starts + batch.sizes
        hits = self._automaton.hits(batch.content, batch.starts, ends)
        places = find_places(
            hits, batch.content, batch.starts, ends, self._sizes, self._near, self._also, self._flags, self._tree
        )
        return places[np.lexsort((places[:, 2], places[:, 1], places[:, 0]))]


def _lists(lists: Sequence[Sequence[int]]) -> Lists:
    return Lists(
        np.concatenate([[0], np.cumsum([len(numbers) for numbers in lists])]).astype(np.int32),
        np.array([number for numbers in lists for number in numbers], np.int32),
    )


def _tree(beginnings: Sequence[Prefixes]) -> Tree:
    rules_of: dict[bytes, list[int]] = {}
    for index, prefixes in enumerate(beginnings):
        for text in prefixes.texts:
            begins_word = text[:1].isascii() and (text[:1].isalnum() or text[:1] == "_")
            kind = AT_WORD if prefixes.at_word and begins_word else ANYWHERE
            whole = text.encode() if text.startswith(LINE_START) else bytes([kind]) + text.encode()
            for some in [whole] if len(whole) > 1 else [whole + bytes([byte]) for byte in range(256)]:
                rules_of.setdefault(some, []).append(index)
    texts = sorted(rules_of)
    ends = np.cumsum([0, *(len(text) for text in texts)])
    content = np.frombuffer(b"".join(texts), np.uint8)
    letters, children, leaves = grow_tree(content, ends)
    nodes = np.stack([letters, children[:-1], children[1:], leaves], axis=1).astype(np.int32)
    many = np.flatnonzero(np.diff(children) >= _MANY)
    following = np.zeros((len(many), 256), np.int32)
    for table, node in zip(following, many.tolist(), strict=True):
        some_children = np.arange(children[node], children[node + 1])
        table[letters[some_children]] = some_children
    nodes[many, 1], nodes[many, 2] = np.arange(len(many)), 0
    fours = np.zeros(1 << 16, np.uint8)
    for start in ends[:-1][np.diff(ends) > 4].tolist():
        kind, *four = content[start : start + 5].tolist()
        fours[hash_of_four(*four)] |= kind
    roots, pairs = grow_roots(letters, children, leaves)
    return Tree(nodes, following, roots, pairs, fours, _lists([rules_of[text] for text in texts]))
