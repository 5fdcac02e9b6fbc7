"use strict";
// The page of a task: its traces under each privilege, side by side.

{
  const { el, number, words } = infogap;
  const chosen = new Map(); // a task's column -> the trace last shown in it

  /** The traces of each column: one for each privilege and teacher. */
  function groups(rows) {
    const found = new Map();
    for (const row of rows) {
      const key = JSON.stringify([row.privilege, row.teacher]);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(row);
    }
    return [...found.entries()];
  }

  function pick(taskId, key, rows, current) {
    const place = `${taskId} ${key}`;
    if (rows.includes(current)) chosen.set(place, current.trace_id);
    return (
      rows.find((row) => row.trace_id === chosen.get(place)) ??
      rows.find((row) => row.sample === current.sample) ??
      rows[0]
    );
  }

  function heading(rows, shown, current, severalTeachers, filter) {
    const buttons = rows.map((row) =>
      el(
        `a.sample-link.verdict-${row.verdict.replace(/\W/g, "_")}`,
        {
          href: infogap.link("trace", row.trace_id, filter),
          "aria-current": row === shown ? "true" : null,
          title: `sample ${row.sample}${row.round ? `, round ${row.round}` : ""}: ${words(row.verdict)}`,
        },
        `#${row.sample}${row.round ? `·${row.round}` : ""}`,
      ),
    );
    return el(
      "header.column-head",
      {},
      el("h3", {}, words(shown.privilege)),
      severalTeachers ? el("p.teacher", {}, shown.teacher) : null,
      rows.length > 1 ? el("nav.samples", { "aria-label": `Samples under ${words(shown.privilege)}` }, buttons) : null,
    );
  }

  function questionText(task) {
    const marks = infogap.marksShown(task.marks);
    return infogap.foldedText(task.question || task.task_id, { marks, head: 2_500, tail: 500 });
  }

  function taskHead(task, neighbours, filter, trace) {
    const step = (there, label, name, id) =>
      there
        ? el("a.step", { id, href: infogap.link("trace", there.trace_id, filter), "aria-label": name }, label)
        : el("span.step.off", { "aria-hidden": "true" }, label);
    const copy = el("button.quiet", { type: "button" }, "Copy link");
    copy.addEventListener("click", async () => {
      const link = `${location.href.split("#")[0]}${infogap.link("trace", trace.trace_id, null)}`;
      try {
        await navigator.clipboard.writeText(link);
        copy.textContent = "Copied";
      } catch {
        copy.replaceWith(el("input.link-field", { value: link, readonly: true, "aria-label": "Link to this trace" }));
      }
    });
    const place =
      neighbours.place === null ? "not in this list" : `${number(neighbours.place)} of ${number(neighbours.total)}`;
    const about = [
      task.family,
      task.difficulty && `difficulty ${task.difficulty}`,
      task.source,
      task.verifier && `graded by ${task.verifier}`,
    ].filter(Boolean);
    return el(
      "section.task-head",
      {},
      el(
        "nav.task-nav",
        { "aria-label": "List" },
        el("a", { id: "back", href: infogap.link("traces", null, filter) }, "← List"),
        step(neighbours.before, "↑", "previous trace", "before"),
        step(neighbours.after, "↓", "next trace", "after"),
        el("span.faint", {}, place),
        copy,
      ),
      el("h1.hidden", {}, "Task"),
      el("div.question-text", {}, questionText(task)),
      el("p.faint", {}, about.join(" · ")),
      infogap.contamination(task.contamination),
      known(task),
    );
  }

  function known(task) {
    if (task.answer === null && task.solution === null) return null;
    return el(
      "details.fence.known",
      {},
      el(
        "summary",
        {},
        "The student does not see these: ",
        el(
          "strong",
          {},
          [task.answer !== null && "gold answer", task.solution && "worked solution"].filter(Boolean).join(" and "),
        ),
      ),
      task.answer === null
        ? null
        : el(
            "div.gold",
            {},
            "Gold answer",
            el("div.answer-value.mono", {}, infogap.foldedText(task.answer, { head: 500, tail: 100 })),
          ),
      task.solution ? infogap.foldedText(task.solution, { head: 3_000, tail: 500 }) : null,
    );
  }

  async function draw(main, { task, traces }, current, filter, asked) {
    const found = groups(traces);
    const severalTeachers = new Set(traces.map((row) => row.teacher)).size > 1;
    const shown = found.map(([key, rows]) => pick(task.task_id, key, rows, current));
    const [run, neighbours, ...details] = await Promise.all([
      infogap.data.run(),
      infogap.data.neighbours(filter, current.trace_id),
      ...shown.map((row) => infogap.data.trace(row.trace_id)),
    ]);
    if (location.hash !== asked) return; // a person has gone on in the meantime
    infogap.useMarkerKinds(run.marker_kinds);
    const panel = infogap.marksPanel([task, ...details], () => {
      main.querySelector(".question-text").replaceChildren(questionText(task));
      for (const each of columns) each.redraw();
    });
    const columns = details.map((trace, index) =>
      infogap.traceColumn(run, trace, heading(found[index][1], shown[index], current, severalTeachers, filter), filter),
    );
    const here = columns[shown.indexOf(current)].column;
    here.classList.add("is-current");
    here.setAttribute("aria-current", "true");
    const same = main.dataset.task === task.task_id;
    const frame = main.querySelector(".columns");
    const before = { top: scrollY, left: frame?.scrollLeft ?? 0 };
    main.className = "of-task";
    main.dataset.task = task.task_id;
    const side = el(
      "div.columns",
      { tabindex: "0", role: "region", "aria-label": "Traces side by side" },
      columns.map((each) => each.column),
    );
    main.replaceChildren(taskHead(task, neighbours, filter, details[shown.indexOf(current)]), panel, side);
    document.title = `${words(current.privilege)} #${current.sample}: ${infogap.visible((task.question ?? "").slice(0, 60))}`;
    scrollTo({ top: same ? before.top : 0 });
    side.scrollLeft = same ? before.left : 0;
    reveal(side, here);
  }

  /** Scroll sideways until a column is in view; the page itself stays where it is. */
  function reveal(side, column) {
    const [frame, box] = [side.getBoundingClientRect(), column.getBoundingClientRect()];
    if (box.left < frame.left) side.scrollLeft += box.left - frame.left;
    else if (box.right > frame.right) side.scrollLeft += box.right - frame.right;
  }

  /** Show the task of a trace, with the trace in its column. */
  infogap.showTrace = async (main, traceId, filter) => {
    const asked = location.hash;
    const answer = await infogap.data.task(await infogap.data.taskOf(traceId));
    await draw(
      main,
      answer,
      answer.traces.find((row) => row.trace_id === traceId),
      filter,
      asked,
    );
  };

  /** Show a task, from its first trace. */
  infogap.showTask = async (main, taskId, filter) => {
    const asked = location.hash;
    const answer = await infogap.data.task(taskId);
    if (!answer.traces.length) throw new Error("This task has no traces.");
    await draw(main, answer, answer.traces[0], filter, asked);
  };
}
