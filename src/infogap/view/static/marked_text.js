"use strict";
// Texts with their marks. A stretch of text with marks is one element, whose classes say which; all else is plain text.

{
  const { el, number } = infogap;
  const STEP = 20_000; // characters that a click unfolds

  /** The class of a gap in nats: none below half a nat, then three levels, more likely or less. */
  function gapClass(gap) {
    if (gap === null || Math.abs(gap) < 0.5) return null;
    const level = Math.abs(gap) < 1.5 ? 1 : Math.abs(gap) < 3 ? 2 : 3;
    return gap > 0 ? `gap-more-${level}` : `gap-less-${level}`;
  }

  /** The places at which a mark or a token begins or ends, from `from` to `to`. */
  function cuts(marks, ends, from, to) {
    const places = new Set([from, to]);
    for (const [start, end] of marks) {
      if (start > from && start < to) places.add(start);
      if (end > from && end < to) places.add(end);
    }
    for (const end of ends) if (end > from && end < to) places.add(end);
    return [...places].sort((one, other) => one - other);
  }

  const LABELS = {
    leak: ({ kind }) => infogap.words(kind),
    copied: () => "copied",
    contaminated: ({ label }) => label,
  };

  /** One stretch of text as an element: its classes say which marks it has, and which of them begin and end there. */
  function stretch(text, start, end, marks, gap) {
    const classes = new Set();
    const titles = [];
    let opens = null;
    for (const [from, to, layer, kind, label] of marks) {
      classes.add(`m-${layer}`);
      if (layer === "marker") classes.add(infogap.markerClass(kind));
      if (from === start) {
        classes.add(`begins-${layer}`);
        opens = LABELS[layer]?.({ kind, label }) ?? opens;
      }
      if (to === end) classes.add(`ends-${layer}`);
      titles.push(`${infogap.words(kind)}${label && label !== kind ? `: ${label}` : ""}`);
    }
    const level = gapClass(gap);
    if (level) {
      classes.add(level);
      titles.push(`gap ${gap > 0 ? "+" : "−"}${Math.abs(gap).toFixed(2)} nats`);
    }
    const attributes = { title: titles.join("\n"), "data-opens": opens };
    const element = el(marks.length ? "mark" : "span", attributes, text.slice(start, end));
    element.classList.add(...classes);
    return element;
  }

  /** The text from one place to another, marked. `tokens` has the ends of tokens and their gaps, or is null. */
  infogap.markedText = (text, marks, tokens, from, to) => {
    const fragment = document.createDocumentFragment();
    const inside = marks.filter(([start, end]) => end > from && start < to).sort((one, other) => one[0] - other[0]);
    const places = cuts(inside, tokens?.ends ?? [], from, to);
    let token = 0;
    let next = 0; // of the marks, the first one that has not begun
    let here = [];
    for (let index = 0; index + 1 < places.length; index += 1) {
      const [start, end] = [places[index], places[index + 1]];
      while (next < inside.length && inside[next][0] <= start) here.push(inside[next++]);
      here = here.filter((mark) => mark[1] > start);
      let gap = null;
      if (tokens) {
        while (token < tokens.ends.length && tokens.ends[token] <= start) token += 1;
        gap = tokens.gaps[token] ?? null;
      }
      if (here.length || gapClass(gap)) fragment.append(stretch(text, start, end, here, gap));
      else fragment.append(infogap.visible(text.slice(start, end)));
    }
    return fragment;
  };

  const MOST_FOUND = 1_000;

  /** Marks of the text that a person searches for, upper and lower case alike. */
  infogap.foundMarks = (text, wanted) => {
    if (!wanted) return [];
    const pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
    const found = [];
    for (const match of text.matchAll(pattern)) {
      found.push([match.index, match.index + match[0].length, "found", "search", ""]);
      if (found.length === MOST_FOUND) break;
    }
    return found;
  };

  /** A place that does not cut a character in two. */
  const whole = (text, place) => (/[\udc00-\udfff]/.test(text[place] ?? "") ? place - 1 : place);

  const NAMES = {
    marker: "marker",
    leak: "leak",
    copied: "copied passage",
    answer: "answer",
    contaminated: "match",
    found: "search hit",
  };

  function foldedMarks(marks, from, to) {
    const counts = new Map();
    for (const [start, , layer] of marks)
      if (start >= from && start < to) counts.set(layer, (counts.get(layer) ?? 0) + 1);
    const named = [...counts].map(([layer, count]) => infogap.counted(count, NAMES[layer]));
    return named.length ? ` with ${named.join(", ")}` : "";
  }

  /**
   * A long text with its middle folded: `head` characters at its beginning and `tail` at its end are shown at first.
   * Fewer than `least` characters are not worth folding.
   */
  infogap.foldedText = (
    text,
    { marks = [], tokens = null, from = 0, to = text.length, head = 6_000, tail = 1_500, least = 500 } = {},
  ) => {
    const block = el("div.text", { dir: "auto" });
    let shown = head;
    function draw() {
      const first = whole(text, from + shown);
      const last = whole(text, to - tail);
      if (last - first < least) {
        block.replaceChildren(infogap.markedText(text, marks, tokens, from, to));
        return;
      }
      const button = el(
        "button.fold",
        { type: "button" },
        `${number(last - first)} characters${foldedMarks(marks, first, last)} are folded. Show ${last - first > STEP ? `${number(STEP)} more` : "them"}`,
      );
      button.addEventListener("click", () => {
        shown += STEP;
        draw();
      });
      block.replaceChildren(
        infogap.markedText(text, marks, tokens, from, first),
        button,
        infogap.markedText(text, marks, tokens, last, to),
      );
    }
    draw();
    return block;
  };
}
