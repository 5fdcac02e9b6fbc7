"""Search texts for many words at once, also inside other words: one automaton (Aho-Corasick) over their bytes.

Why not Polars, which has such a search: it returns positions or words, so that both take two passes; with a few hundred
words it is several times as slow; and its results are lists of Python.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from infogap.text.compiled import Bytes, Numbers, Places, compiled, grown

_FIRST_ROWS = 4_096


@dataclass(frozen=True)
class WordAutomaton:
    """An automaton that reads a text byte by byte and knows after each byte which of the words end there.

    Bytes that are in no word are one class, every other byte is one of its own. A state is known by where its row
    begins in `steps`, a table of states and classes. A step is twice the next state, and one more if words end there:
    of `outputs` those from the state's `first_output` on.
    """

    classes: Bytes  # of every byte
    steps: NDArray[np.uint32]
    width: int  # of a row of steps
    first_output: Numbers  # by the row's number, and an end
    outputs: Numbers

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """Build the automaton of some words, none of them empty; each is known by its index."""
        encoded = [word.encode() for word in words]
        letters = sorted({byte for word in encoded for byte in word})
        classes = np.zeros(256, np.uint8)
        classes[letters] = np.arange(1, len(letters) + 1)
        children: list[dict[int, int]] = [{}]
        ending: list[list[int]] = [[]]
        for number, word in enumerate(encoded):
            state = 0
            for byte in word:
                state = children[state].setdefault(int(classes[byte]), len(children))
                if state == len(children):
                    children.append({})
                    ending.append([])
            ending[state].append(number)
        width = len(letters) + 1
        following = np.zeros((len(children), width), np.uint32)
        suffix = [0] * len(children)
        queue = deque([0])
        while queue:
            state = queue.popleft()
            if state:
                following[state] = following[suffix[state]]  # the longest suffix that is a beginning of a word
            for letter, child in children[state].items():
                suffix[child] = int(following[state, letter]) if state else 0
                following[state, letter] = child
                ending[child] += ending[suffix[child]]
                queue.append(child)
        sizes = np.array([len(numbers) for numbers in ending], np.uint32)
        steps = (following * np.uint32(width) << np.uint32(1)) | (sizes[following] > 0)
        return cls(
            classes,
            steps.astype(np.uint32).ravel(),
            width,
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
            np.array([number for numbers in ending for number in numbers], np.int32),
        )

    def hits(self, content: Bytes, starts: Places, ends: Places) -> Numbers:
        """Return all occurrences in texts, in the order of their ends: a row of text, word, and two ends for each.

        The texts are UTF-8 in `content`, from `starts` to `ends`. The end of an occurrence is its last byte, and its
        last character, counted from the beginning of the text.
        """
        return _hits(content, starts, ends, self.classes, self.steps, self.width, self.first_output, self.outputs)


@compiled
def _hits(
    content: Bytes,
    starts: Places,
    ends: Places,
    classes: Bytes,
    steps: NDArray[np.uint32],
    width: int,
    first_output: Numbers,
    outputs: Numbers,
) -> Numbers:
    one, top_bits, continues = np.uint32(1), np.uint8(0xC0), np.uint8(0x80)
    hits = np.empty((_FIRST_ROWS, 4), np.int32)
    count = 0
    for text in range(len(starts)):
        state, skipped = np.uint32(0), starts[text]
        for place in range(np.uint64(starts[text]), np.uint64(ends[text])):  # unsigned indices need no check of a sign
            byte = content[place]
            skipped += (byte & top_bits) == continues
            step = steps[np.uint64(state) + np.uint64(classes[byte])]
            state = step >> one
            if step & one:
                row = state // width
                for output in range(first_output[row], first_output[row + 1]):
                    if count == len(hits):
                        hits = grown(hits)
                    hits[count, 0], hits[count, 1] = text, outputs[output]
                    hits[count, 2] = np.int64(place) - starts[text]
                    hits[count, 3] = np.int64(place) - skipped
                    count += 1
    return hits[:count].copy()
