"use strict";
// The list of traces.

{
  const { el, number, words } = infogap;
  let filtersOpen = null; // as a person left them; else as the width allows

  // name, heading, the cell's content, and whether it is a number
  const COLUMNS = [
    { name: "task", heading: "Task", cell: question },
    { name: "family", heading: "Family", cell: (row) => row.family },
    {
      name: "privilege",
      heading: "Privilege",
      cell: (row) => [el("span.privilege", {}, words(row.privilege)), el("span.sample", {}, ` #${row.sample}`)],
    },
    { name: "teacher", heading: "Teacher", cell: (row) => row.teacher },
    { name: "verdict", heading: "Verdict", cell: (row) => infogap.verdict(row.verdict) },
    {
      name: "band",
      heading: "Band",
      cell: (row) => el(`span.band.band-${row.band.replace(/\W/g, "-")}`, {}, row.band),
    },
    { name: "tokens", heading: "Tokens", cell: (row) => number(row.tokens), isNumber: true },
    { name: "words", heading: "Words", cell: (row) => number(row.words), isNumber: true },
    {
      name: "density",
      heading: "Density",
      cell: (row) => number(row.density, 1),
      isNumber: true,
      title: "epistemic markers per 1,000",
    },
    { name: "gap", heading: "Gap", cell: (row) => number(row.gap, 3), isNumber: true, title: "nats per token" },
    { name: "leak", heading: "Leak", cell: (row) => quietly(row.leak, "no leak") },
    { name: "mix", heading: "Mix", cell: (row) => quietly(row.mix, "in no mix", "–") },
    { name: "reason", heading: "Reason", cell: (row) => words(row.reason) },
    { name: "tag", heading: "Tag", cell: (row) => (row.tag === "no tag" ? "" : el("span.tag", {}, row.tag)) },
  ];

  function quietly(value, ordinary, shown = value) {
    return value === ordinary ? el("span.faint", {}, words(shown)) : el("strong.notable", {}, words(value));
  }

  function question(row) {
    const address = infogap.address();
    return el(
      "a.question",
      { href: infogap.link("trace", row.trace_id, infogap.withoutPage(address.filter)), "data-trace": row.trace_id },
      row.question ?? row.task_id ?? row.trace_id,
    );
  }

  function columns(run) {
    const several = (name) => (run.facets.find((facet) => facet.name === name)?.values.length ?? 0) > 1;
    const hidden = {
      teacher: !several("teacher"),
      family: !several("family"),
      tokens: !run.numbers.tokens,
      words: run.numbers.tokens === 1 || !run.numbers.words, // where some have no number of tokens
      gap: !run.numbers.gap,
      tag: !several("tag"),
    };
    return COLUMNS.filter(({ name }) => !hidden[name]);
  }

  function heading(column, filter) {
    const sort = filter.get("sort") ?? "task";
    const now = sort.replace(/^-/, "") === column.name ? (sort.startsWith("-") ? "descending" : "ascending") : null;
    const first = column.isNumber ? "-" : "";
    const next = now === null ? first + column.name : now === "ascending" ? `-${column.name}` : column.name;
    const arrow = { ascending: "↑", descending: "↓" }[now];
    return el(
      `th${column.isNumber ? ".is-number" : ""}`,
      { scope: "col", "aria-sort": now, title: column.title },
      el(
        "button.sort",
        { type: "button", onclick: () => infogap.filterBy({ sort: next === "task" ? null : next }) },
        column.heading,
        arrow && el("span.arrow", { "aria-hidden": "true" }, ` ${arrow}`),
      ),
    );
  }

  function table(run, answer, filter) {
    const shown = columns(run);
    const head = el(
      "thead",
      {},
      el(
        "tr",
        {},
        shown.map((column) => heading(column, filter)),
      ),
    );
    const body = el("tbody");
    for (const row of answer.rows) {
      const cells = shown.map((column) =>
        el(
          `td.cell-${column.name}${column.isNumber ? ".is-number" : ""}`,
          { "data-label": column.heading },
          column.cell(row),
        ),
      );
      body.append(el("tr", { onclick: open, "data-trace": row.trace_id }, cells));
    }
    return el("table.traces", {}, el("caption.hidden", {}, "Traces"), head, body);
  }

  function open(event) {
    if (event.target.closest("a") || getSelection().toString()) return;
    event.currentTarget.querySelector("a.question").click();
  }

  function pager(answer, filter, size) {
    const last = Math.max(1, Math.ceil(answer.total / size));
    if (last === 1) return null;
    const to = (page, label, name) => {
      const there = new URLSearchParams(filter);
      there.set("page", page);
      const off = page < 1 || page > last;
      return off
        ? el("span.step.off", { "aria-hidden": "true" }, label)
        : el("a.step", { href: infogap.link("traces", null, there), "aria-label": name }, label);
    };
    const first = (answer.page - 1) * size + 1;
    return el(
      "nav.pager",
      { "aria-label": "Pages" },
      to(answer.page - 1, "←", "previous page"),
      el(
        "span",
        {},
        `${number(Math.min(first, answer.total))}–${number(Math.min(first + size - 1, answer.total))} of ${number(answer.total)}`,
      ),
      to(answer.page + 1, "→", "next page"),
    );
  }

  function summary(run, answer) {
    const all = answer.total === run.traces ? "" : ` of ${number(run.traces)}`;
    return el(
      "h1.count",
      { role: "status" },
      el("strong", {}, number(answer.total)),
      `${all} traces`,
      el("span.faint", {}, ` · ${infogap.counted(answer.tasks, "task")}`),
    );
  }

  /** Show the list that the address asks for. */
  infogap.showList = async (main, filter) => {
    const asked = location.hash;
    const page = Math.max(1, Number.parseInt(filter.get("page") ?? "1", 10) || 1);
    const own = infogap.withoutPage(filter);
    const [run, answer] = await Promise.all([infogap.data.run(), infogap.data.traces(own, page)]);
    if (location.hash !== asked) return; // a person has gone on in the meantime
    document.title = `${run.name}: traces`;
    const narrow = matchMedia("(max-width: 60rem)").matches;
    const filters = el(
      "details.filters",
      { open: filtersOpen ?? !narrow },
      el("summary", { onclick: () => (filtersOpen = !filters.open) }, "Filters"),
      infogap.filters(run, answer.counts, own),
    );
    const list = el(
      "section.list",
      { "aria-label": "Traces" },
      el("div.list-head", {}, summary(run, answer), pager(answer, own, run.page)),
      infogap.activeFilters(own),
      answer.rows.length
        ? el(
            "div.table-frame",
            { tabindex: "0", role: "region", "aria-label": "Table of traces" },
            table(run, answer, own),
          )
        : el("p.empty", {}, "No trace fits these filters."),
      answer.rows.length > 20 ? pager(answer, own, run.page) : null,
    );
    const scroll = main.querySelector("details.filters")?.scrollTop ?? 0;
    main.className = "with-filters";
    main.replaceChildren(filters, list);
    filters.scrollTop = scroll;
    refocus(main);
  };

  /** Put the focus on what a key or a filter, whose element is new, has asked for. */
  function refocus(main) {
    const { facet, value, row } = infogap.refocus ?? {};
    infogap.refocus = null;
    if (row !== undefined) [...main.querySelectorAll("a.question")].at(row)?.focus();
    const boxes = facet ? main.querySelectorAll(`fieldset[data-facet="${CSS.escape(facet)}"] input`) : [];
    [...boxes].find((box) => box.value === value)?.focus();
  }
}
