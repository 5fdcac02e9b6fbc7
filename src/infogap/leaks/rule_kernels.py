"""Walk texts for the places where rules can match (`rule_places`), compiled by numba."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infogap.leaks.leak_rules import REACH
from infogap.leaks.match_prefixes import LINE_START
from infogap.text.compiled import Bytes, Numbers, Places, compiled, grown

Flags = NDArray[np.bool_]

AT_WORD, ANYWHERE = 1, 2
"""The first step of the tree says where a match begins; the third one is LINE_START. Each is a bit."""
_AT_LINE = ord(LINE_START)
_IN_WORD = np.array([byte < 128 and (chr(byte).isalnum() or chr(byte) == "_") for byte in range(256)])
_SPACE, _LINE_BREAK = 32, 10
_FIRST_ROWS = 1_024
_S8, _S16, _S24, _GOLDEN, _LOW = (np.uint64(number) for number in (8, 16, 24, 2_654_435_761, 0xFFFF))


class Lists(NamedTuple):
    """Lists of numbers: those of `numbers` from a list's `first` to the next one's."""

    first: Numbers
    numbers: Numbers


class Tree(NamedTuple):
    """A tree of texts, each beginning with a step that says where a match begins. Node 0 is its root, else it is none.

    What a walk needs of a node is a row of `nodes`: its letter, its first child, the end of its children, and the text
    that ends there or -1. Where a node has many children their end is 0, and in place of the first one stands the row
    of `following` that has the child of each letter.
    """

    nodes: Numbers
    following: Numbers
    roots: Numbers  # nodes of first letters, by where a match begins
    pairs: (
        Bytes  # for two letters, a bit for each place where a match may begin with them; 3 bits higher if with no more
    )
    fours: Bytes  # the same for four letters, by a hash of 16 bits
    rules: Lists  # of each text


@compiled
def grow_tree(content: Bytes, ends: Places) -> tuple[Bytes, Numbers, Numbers]:
    """Build a tree of sorted texts, which `ends` separates: each node's letter, first child, and text that ends there.

    The children of a node lie together, to where those of the next node begin.
    """
    size = len(content) + 1
    letters, children, leaves = np.zeros(size, np.uint8), np.zeros(size + 1, np.int32), np.full(size, -1, np.int32)
    first, last, depths = np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, np.int32)
    last[0] = len(ends) - 1
    count, node = 1, 0
    while node < count:
        children[node] = count
        depth = depths[node]
        letter = -1
        for text in range(first[node], last[node]):
            place = ends[text] + depth
            if place == ends[text + 1]:
                leaves[node] = text
                continue
            if content[place] != letter:
                letter = content[place]
                letters[count], first[count], depths[count] = letter, text, depth + 1
                count += 1
            last[count - 1] = text + 1
        node += 1
    children[count] = count
    return letters[:count].copy(), children[: count + 1].copy(), leaves[:count].copy()


@compiled
def _symbols(content: Bytes) -> Bytes:
    """Copy texts, with a space for every byte of white space. Two bytes or more follow the last text."""
    symbols = content.copy()
    for place in range(len(content) - 2):
        byte, second, third = content[place], content[place + 1], content[place + 2]
        size = 0
        if byte < 0x80:
            size = 1 if 9 <= byte <= 13 or 28 <= byte <= 31 else 0
        elif byte == 0xC2:
            size = 2 if second in (0x85, 0xA0) else 0
        elif byte == 0xE2 and second == 0x80:
            size = 3 if third <= 0x8A or third in (0xA8, 0xA9, 0xAF) else 0
        elif byte == 0xE2 and second == 0x81:
            size = 3 if third == 0x9F else 0
        elif (byte == 0xE1 and second == 0x9A) or (byte == 0xE3 and second == 0x80):
            size = 3 if third == 0x80 else 0
        for step in range(size):
            symbols[place + step] = 32
    return symbols


@compiled
def _buckets(hits: Numbers, first: int, last: int, sizes: Numbers, rules_of: Lists, begins: Places) -> Numbers:
    """Return the places of each rule's words in one text, sorted; `begins` is set to where each rule's begin."""
    first_rule, rules = rules_of.first, rules_of.numbers
    begins[:] = 0
    for hit in range(first, last):
        word = hits[hit, 1]
        for which in range(first_rule[word], first_rule[word + 1]):
            begins[rules[which] + 1] += 1
    for rule in range(1, len(begins)):
        begins[rule] += begins[rule - 1]
    places = np.empty(begins[-1], np.int32)
    free = begins[:-1].copy()
    for hit in range(first, last):
        word = hits[hit, 1]
        place = hits[hit, 3] - sizes[word] + 1
        for which in range(first_rule[word], first_rule[word + 1]):
            rule = rules[which]
            at = free[rule]
            while at > begins[rule] and places[at - 1] > place:  # hits are sorted by their ends
                places[at] = places[at - 1]
                at -= 1
            places[at] = place
            free[rule] += 1
    return places


@compiled
def _windows(
    near: Numbers,
    near_begins: Places,
    also: Numbers,
    also_begins: Places,
    begins: Flags,
    needs_both: Flags,
    first: Places,
) -> Numbers:
    """Return starts and ends of each rule's windows in one text; `first` is set to where each rule's begin."""
    windows = np.empty((len(near) + 1, 2), np.int32)
    count = 0
    for rule in range(len(begins)):
        first[rule] = count
        other = also_begins[rule]
        at, last = near_begins[rule], near_begins[rule + 1]
        while at < last:
            start, end = near[at], near[at] + 2 * REACH
            if begins[rule]:
                while at < last and near[at] == start:
                    at += 1
            else:
                while at < last and near[at] <= end:
                    end = near[at] + 2 * REACH
                    at += 1
                start, end = max(0, start - REACH), end - REACH
            if needs_both[rule]:
                while other < also_begins[rule + 1] and also[other] < start:
                    other += 1
                if other == also_begins[rule + 1] or also[other] >= end:
                    continue
            windows[count, 0], windows[count, 1] = start, end
            count += 1
    first[len(begins)] = count
    return windows


@compiled
def _inside_windows(windows: Numbers, first: Places, begins: Flags, size: int) -> NDArray[np.int32]:
    """Return for each of `size` characters in how many windows it is; in those of `begins`, only the first counts."""
    changes = np.zeros(size + 1, np.int32)
    for rule in range(len(begins)):
        for window in range(first[rule], first[rule + 1]):
            start, end = windows[window]
            changes[start] += 1
            changes[min(start + 1 if begins[rule] else end, size)] -= 1
    for place in range(size):
        changes[place + 1] += changes[place]
    return changes


@compiled
def grow_roots(letters: Bytes, children: Numbers, leaves: Numbers) -> tuple[Numbers, Bytes]:
    """Return `roots` and `pairs` of a tree."""
    roots, pairs = np.zeros((8, 256), np.int32), np.zeros((256, 256), np.uint8)
    for root in range(children[0], children[1]):
        kind = letters[root]
        for node in range(children[root], children[root + 1]):
            roots[kind, letters[node]] = node
            if leaves[node] >= 0:
                for second in range(256):
                    pairs[letters[node], second] |= kind | kind << 3
            for child in range(children[node], children[node + 1]):
                pairs[letters[node], letters[child]] |= kind
                ended = leaves[child] >= 0
                for after in range(children[child], children[child + 1]):
                    ended |= leaves[after] >= 0
                if ended:
                    pairs[letters[node], letters[child]] |= kind << 3
            if letters[node] <= _SPACE:  # more white space can follow
                pairs[letters[node], _SPACE] |= kind
    return roots, pairs


@compiled
def hash_of_four(first: int, second: int, third: int, fourth: int) -> int:
    """Return a hash of 16 bits of four bytes."""
    number = np.uint64(first) | np.uint64(second) << _S8 | np.uint64(third) << _S16 | np.uint64(fourth) << _S24
    return int((number * _GOLDEN >> _S16) & _LOW)


@compiled
def find_places(  # noqa: PLR0912, PLR0915 - one loop: a call for every character takes longer than its work
    hits: Numbers,
    content: Bytes,
    starts: Places,
    ends: Places,
    sizes: Numbers,
    near_rules: Lists,
    also_rules: Lists,
    flags: Flags,
    tree: Tree,
) -> Numbers:
    """Return the rows of `RulePlaces.find`, sorted by text only.

    `hits` are those of the words of all rules, whose `sizes` are in characters; `near_rules` and `also_rules` are the
    rules that need each. `flags` say of each rule whether it begins with its word, and whether it needs two.
    """
    begins, needs_both = flags[:, 0].copy(), flags[:, 1].copy()
    found = np.empty((_FIRST_ROWS, 5), np.int32)
    count = 0
    near_begins, also_begins = np.zeros(len(begins) + 1, np.int64), np.zeros(len(begins) + 1, np.int64)
    first_window = np.zeros(len(begins) + 1, np.int64)
    symbols = _symbols(content)
    nodes, following, first_rule, rules = tree.nodes, tree.following, tree.rules.first, tree.rules.numbers
    hit: Any = np.int64(0)  # numba would compile `_buckets` once more for a literal
    for text in range(len(starts)):
        before = hit
        while hit < len(hits) and hits[hit, 0] == text:
            hit += 1
        if hit == before:
            continue
        near = _buckets(hits, before, hit, sizes, near_rules, near_begins)
        also = _buckets(hits, before, hit, sizes, also_rules, also_begins)
        windows = _windows(near, near_begins, also, also_begins, begins, needs_both, first_window)
        if first_window[-1] == 0:
            continue
        inside_windows = _inside_windows(windows[: first_window[-1]], first_window, begins, ends[text] - starts[text])
        current = first_window.copy()
        character, end = -1, ends[text]
        for place in range(starts[text], end):
            byte = content[place]
            if byte & 0xC0 == 0x80:
                continue
            character += 1
            if not inside_windows[character]:
                continue
            symbol, second, preceding = symbols[place], symbols[place + 1], content[place - 1]
            possible = np.int64(tree.pairs[symbol, second])
            if byte == _LINE_BREAK:
                possible |= np.int64(tree.pairs[_LINE_BREAK, second])
            if not possible:
                continue
            third, fourth = symbols[place + 2], symbols[place + 3]
            twice = (symbol == second == _SPACE) or (second == third == _SPACE) or (third == fourth == _SPACE)
            if byte != _LINE_BREAK and not twice:  # white space is one letter of the tree
                possible &= np.int64(tree.fours[hash_of_four(symbol, second, third, fourth)]) | possible >> 3
            if _IN_WORD[byte] and _IN_WORD[preceding]:
                possible &= ~AT_WORD
            if place > starts[text] and preceding != _LINE_BREAK:
                possible &= ~_AT_LINE
            for turn in range(4 if byte == _LINE_BREAK else 3):
                kind, first = 1 << turn, symbol
                if turn == 3:
                    kind, first = ANYWHERE, _LINE_BREAK
                if not possible & kind:
                    continue
                node, at = tree.roots[kind, first], place
                while node:
                    at += 1
                    if nodes[node, 0] <= _SPACE:
                        while at < end and symbols[at] == _SPACE:
                            at += 1
                    leaf = nodes[node, 3]
                    if leaf >= 0:
                        for which in range(first_rule[leaf], first_rule[leaf + 1]):
                            rule = rules[which]
                            window, last = current[rule], first_window[rule + 1]
                            if window == last:
                                continue
                            if begins[rule]:
                                while window < last and windows[window, 0] < character:
                                    window += 1
                            else:
                                while window < last and windows[window, 1] <= character:
                                    window += 1
                            current[rule] = window
                            if window == last or windows[window, 0] > character:
                                continue
                            if count == len(found):
                                found = grown(found)
                            found[count, 0], found[count, 1], found[count, 2] = text, rule, character
                            found[count, 3], found[count, 4] = windows[window, 0], windows[window, 1]
                            count += 1
                    following_symbol = symbols[at]
                    child, last = nodes[node, 1], nodes[node, 2]
                    if not last:
                        node = following[child, following_symbol]
                    else:
                        while child < last and nodes[child, 0] != following_symbol:
                            child += 1
                        node = child if child < last else 0
    return found[:count].copy()
