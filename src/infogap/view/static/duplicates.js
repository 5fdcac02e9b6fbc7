"use strict";
// A trace that was removed as a duplicate beside the one that was kept, differences marked.

{
  const { el } = infogap;
  const EQUAL = 240; // characters of an equal stretch that are shown at each of its ends

  function piece([text, differs]) {
    if (differs) return el("mark.m-differs", {}, text);
    if (text.length <= 3 * EQUAL) return el("span.equal", {}, text);
    return el(
      "span.equal",
      {},
      text.slice(0, EQUAL),
      el("span.skipped", {}, ` … ${infogap.number(text.length - 2 * EQUAL)} equal characters … `),
      text.slice(-EQUAL),
    );
  }

  async function show(trace) {
    const answer = await infogap.data.difference(trace.trace_id);
    const side = (title, id, pieces) =>
      el(
        "section",
        {},
        el("h3", {}, title),
        el("p.faint.mono", {}, id),
        el("div.text", { dir: "auto", tabindex: "0" }, pieces.map(piece)),
      );
    const alike =
      answer.how === "exact" ? "the same words in the same order" : `Jaccard similarity ${answer.jaccard.toFixed(3)}`;
    const dialog = el(
      "dialog.wide",
      { "aria-label": "Duplicate and kept trace" },
      el(
        "form.dialog-head",
        { method: "dialog" },
        el("h2", {}, "Removed as a duplicate"),
        el("span.faint", {}, alike),
        el("button.quiet", {}, "Close"),
      ),
      answer.compared
        ? el(
            "div.pair",
            {},
            side("Kept", answer.duplicate_of, answer.kept),
            side("Removed", trace.trace_id, answer.removed),
          )
        : el("p", {}, "These texts are too long to compare here: infogap show --duplicates compares them."),
    );
    document.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
  }

  /** What became of a trace in the search for duplicates; null if nothing. */
  infogap.duplicateOf = (trace, filter) => {
    const link = (id) => el("a.mono", { href: infogap.link("trace", id, filter) }, id);
    if (trace.duplicate) {
      const button = el("button.quiet", { type: "button" }, "Show differences");
      button.addEventListener("click", () =>
        show(trace).catch((error) => button.replaceWith(el("span.problem", {}, error.message))),
      );
      return el("div.fate", {}, el("p", {}, "Removed as a duplicate of ", link(trace.duplicate.duplicate_of)), button);
    }
    if (!trace.kept_for.length) return null;
    return el(
      "p.fate",
      {},
      `Kept in place of ${infogap.counted(trace.kept_for.length, "duplicate")}: `,
      trace.kept_for.slice(0, 20).flatMap((id) => [link(id), " "]),
    );
  };
}
