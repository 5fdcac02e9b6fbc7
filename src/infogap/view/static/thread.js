"use strict";
// A trace that calls tools: its turns one below the other, each with its calls, and the results folded where they are long.

{
  const { el, number } = infogap;
  const LONG = 400; // characters of a result, or LINES lines, that are folded at first
  const LINES = 8;
  const unfolded = new Map(); // a result's place -> whether a person has opened it
  const NAMES = { assistant: "Assistant", tool: "Tool", user: "User", system: "System" };

  const isLong = (text) => text.length > LONG || text.split("\n", LINES + 1).length > LINES;

  function argument({ name, value }) {
    const long = value.includes("\n") || value.length > 80;
    return el(
      long ? "div.argument.argument-long" : "div.argument",
      {},
      el("dt.mono", {}, name),
      el("dd.mono", {}, infogap.foldedText(value, { head: 1_200, tail: 200, least: 300 })),
    );
  }

  function call({ name, arguments: given }) {
    return el(
      "section.call",
      { "aria-label": `Call of ${name}` },
      el("h5", {}, "Calls ", el("code", {}, name)),
      given.length ? el("dl.arguments", {}, given.map(argument)) : el("p.faint", {}, "without arguments"),
    );
  }

  /** The names of the tools whose results are to come, as calls and results follow each other. */
  function resultNames(turns) {
    const waiting = [];
    return turns.map((turn) => {
      if (turn.role === "assistant") waiting.push(...turn.calls.map(({ name }) => name));
      if (turn.role !== "tool") return null;
      const next = waiting.shift();
      return turn.name ?? next ?? null;
    });
  }

  function result(text, name, place, wanted) {
    const size = `${number(text.length)} ${text.length === 1 ? "character" : "characters"}`;
    const first = text.trimStart().split("\n", 1)[0].slice(0, 120);
    const open = unfolded.get(place) ?? !isLong(text);
    const details = el(
      "details.result",
      { open },
      el(
        "summary",
        {},
        name ? ["Result of ", el("code", {}, name)] : "Result",
        el("span.faint", {}, ` ${size}`),
        isLong(text) ? el("span.first-line.mono", {}, first) : null,
      ),
      text ? infogap.foldedText(text, { marks: infogap.foundMarks(text, wanted), head: 4_000, tail: 800 }) : null,
    );
    details.addEventListener("toggle", () => unfolded.set(place, details.open));
    return details;
  }

  function spoken(trace, turn, options) {
    const part = ([from, to]) => infogap.foldedText(trace.text, { ...options, from, to, head: 4_000, tail: 1_000 });
    return [
      turn.thought ? el("section.thought", {}, el("h5", {}, "Thought"), part(turn.thought)) : null,
      turn.text ? el("div.said", {}, part(turn.text)) : null,
      turn.calls.map(call),
    ];
  }

  function summary(trace) {
    const counts = new Map();
    let own = 0;
    for (const turn of trace.turns) {
      own += turn.role === "assistant";
      for (const { name } of turn.calls ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const tools = [...counts].sort((one, other) => other[1] - one[1]).map(([name, count]) => `${name} ×${count}`);
    return `${infogap.counted(own, "turn")} of the assistant${tools.length ? ` · ${tools.join(", ")}` : ""}`;
  }

  function tools(trace) {
    if (!trace.tools.length) return null;
    return el(
      "details.tools",
      {},
      el("summary", {}, `${infogap.counted(trace.tools.length, "tool")} it could call`),
      trace.tools.map(({ name, definition }) =>
        el(
          "section",
          {},
          el("h5", {}, el("code", {}, name)),
          el("div.mono", {}, infogap.foldedText(definition, { head: 1_500, tail: 200 })),
        ),
      ),
    );
  }

  /** The turns of a trace as a list; `marks` and `tokens` are those of its text, `wanted` is what is searched for. */
  infogap.thread = (trace, { marks, tokens, wanted }) => {
    const names = resultNames(trace.turns);
    let own = 0;
    const items = trace.turns.map((turn, index) => {
      const place = `${trace.trace_id} ${index}`;
      own += turn.role === "assistant";
      const title = turn.role === "assistant" ? `${NAMES.assistant}, turn ${own}` : (NAMES[turn.role] ?? turn.role);
      const body =
        turn.role === "assistant"
          ? spoken(trace, turn, { marks, tokens })
          : turn.role === "tool"
            ? result(turn.content, names[index], place, wanted)
            : infogap.foldedText(turn.content, { marks: infogap.foundMarks(turn.content, wanted), head: 2_500, tail: 500 });
      return el(
        `li.turn.turn-${turn.role}`,
        { tabindex: "-1", "aria-label": title },
        turn.role === "tool" ? null : el("h4", {}, title),
        body,
      );
    });
    const list = el("ol.turns", { "aria-label": "Turns" }, items);
    const results = list.querySelectorAll("details.result");
    const all = el("button.quiet", { type: "button" }, "Unfold all results");
    all.addEventListener("click", () => {
      const open = [...results].some((each) => !each.open);
      for (const each of results) each.open = open;
      all.textContent = open ? "Fold all results" : "Unfold all results";
    });
    return el(
      "div.thread",
      {},
      el("div.thread-head", {}, el("p.faint", {}, summary(trace)), results.length > 1 ? all : null),
      tools(trace),
      list,
    );
  };
}
