"use strict";
// One trace: a column of a task's page.

{
  const { el, number, words } = infogap;

  function fact(name, value, title = null) {
    return value === null ? null : el("div.fact", { title }, el("dt", {}, name), el("dd", {}, value));
  }

  function density({ epistemic_count: count, epistemic_density: rate, density_per: unit }) {
    return rate === null ? number(count) : `${number(count)}, ${number(rate, 1)} per 1,000 ${unit ?? "words"}`;
  }

  function facts(trace) {
    const { measures, verdict, gaps } = trace;
    const length =
      trace.tokens === null
        ? fact("words", number(measures.words))
        : fact("tokens", number(trace.tokens), measures.words === null ? null : `${number(measures.words)} words`);
    return el(
      "dl.facts",
      {},
      fact("verdict", infogap.verdict(verdict.verdict ?? (trace.error ? "failed" : "not verified")), verdict.detail),
      verdict.score === null || [0, 1].includes(verdict.score) ? null : fact("score", number(verdict.score, 2)),
      verdict.extracted_answer
        ? fact(
            "answer",
            el(
              "div.answer-value.mono",
              {},
              infogap.foldedText(verdict.extracted_answer, { head: 80, tail: 40, least: 60 }),
            ),
          )
        : null,
      length,
      fact("markers", measures.epistemic_count === null ? null : density(measures)),
      fact("band", measures.band),
      fact("gap", gaps?.gap_per_token == null ? null : `${number(gaps.gap_per_token, 3)} nats per token`, gaps?.scorer),
      measures.longest_copy ? fact("longest copy", infogap.counted(measures.longest_copy, "word")) : null,
    );
  }

  function seen(trace) {
    if (trace.context === null)
      return el(
        "div.fence.fence-empty",
        {},
        el("p", {}, `${trace.context_source.replace(/^./, (letter) => letter.toUpperCase())}.`),
      );
    return el(
      "section.fence",
      { "aria-label": "What the student does not see" },
      el("h4.fence-title", {}, "The student does not see this"),
      el("p.faint", {}, trace.context_source),
      infogap.foldedText(trace.context, { head: 300, tail: 80, least: 150 }),
    );
  }

  function parts(trace) {
    const wanted = infogap.address().filter.get("search")?.trim();
    const marks = [...infogap.marksShown(trace.marks), ...infogap.foundMarks(trace.text, wanted)];
    const tokens = infogap.gapsShown() ? trace.token_gaps : null;
    if (trace.error !== null)
      return [el("div.problem", {}, "No response", infogap.foldedText(trace.error, { head: 500, tail: 100 }))];
    if (trace.withheld) return [el("p.withheld", {}, trace.withheld)];
    if (trace.turns) return [infogap.thread(trace, { marks, tokens, wanted })];
    if (!trace.text) return [el("p.empty", {}, "The response is empty.")];
    const end = trace.reasoning_end;
    const thought = end
      ? el("section.thought", {}, el("h4", {}, "Thought"), infogap.foldedText(trace.text, { marks, tokens, to: end }))
      : null;
    const start = end ? end + 1 : 0;
    const response = el(
      "section.response",
      {},
      end ? el("h4", {}, "Response") : null,
      infogap.foldedText(trace.text, { marks, tokens, from: start, head: 8_000, tail: 2_000 }),
    );
    return [thought, response];
  }

  function prompt(trace) {
    if (trace.prompt === null) return null;
    return el(
      "details.prompt",
      {},
      el("summary", {}, "Prompt as sent"),
      infogap.foldedText(trace.prompt, { head: 3_000, tail: 500 }),
    );
  }

  function mixes(trace) {
    const rows = trace.mixes.map(({ mix, selected, stratum, reason }) =>
      el(
        "li",
        {},
        el(
          "strong",
          {},
          selected ? "✓ " : "",
          trace.mixes.length > 1 ? `${mix}: ` : "",
          selected ? "in the mix" : words(reason),
        ),
        stratum ? el("span.faint", {}, ` ${stratum}`) : null,
      ),
    );
    return rows.length ? el("ul.fate", { "aria-label": "Mixes" }, rows) : null;
  }

  infogap.contamination = (matches) =>
    matches.map((match) =>
      el(
        "details.contamination",
        {},
        el(
          "summary",
          {},
          `${match.where === "context" ? "Context matches" : "Matches"} ${match.eval_set}, row ${match.eval_row}: ${number(100 * match.share)} % of the question${match.common ? ", common words" : ""}`,
        ),
        el("blockquote.text", {}, match.matched ?? ""),
        match.question
          ? [el("p.faint", {}, "The evaluation question"), infogap.foldedText(match.question, { head: 1_500, tail: 0 })]
          : null,
      ),
    );

  /** The cells of a trace's column, one for each row of the page, so that the columns stand level. */
  infogap.traceColumn = (run, trace, heading, filter) => {
    const text = el("div.column-text", {}, parts(trace));
    const column = el(
      "article.column",
      { "data-trace": trace.trace_id, "aria-label": `${words(trace.privilege)}, sample ${trace.sample}` },
      heading,
      facts(trace),
      seen(trace),
      text,
      el(
        "footer.column-end",
        {},
        prompt(trace),
        mixes(trace),
        infogap.duplicateOf(trace, filter),
        infogap.contamination(trace.contamination),
        infogap.annotation(run, trace),
        el("p.faint.mono", {}, trace.trace_id),
      ),
    );
    return { column, redraw: () => text.replaceChildren(...parts(trace).filter(Boolean)) };
  };
}
