"use strict";
// The filters beside the list: the values of each facet with counts, and ranges of numbers.

{
  const { el, number, words } = infogap;
  const SHOWN = 12; // values of a facet; the others follow on request
  const RANGES = {
    tokens: "Tokens",
    words: "Words",
    markers: "Markers",
    density: "Markers per 1,000",
    gap: "Gap per token",
    score: "Score",
  };
  const opened = new Set(); // facets all of whose values are shown

  const TITLES = {
    mix: "In the mix",
    reason: "Why in or out of the mix",
    contaminated: "Evaluation sets",
    finish_reason: "Finish",
    duplicate: "Duplicates",
  };
  infogap.titleOf = (name) => TITLES[name] ?? words(name).replace(/^./, (letter) => letter.toUpperCase());

  function facet({ name, values, unlisted }, counts, filter) {
    const chosen = new Set(filter.getAll(name));
    const most = Math.max(...counts, 1);
    const known = values.map((value, index) => ({ value, count: counts[index] }));
    const some = known.filter(({ value, count }) => count > 0 || chosen.has(value));
    if (values.length < 2 && !chosen.size) return null;
    if (some.length > SHOWN) some.sort((one, other) => other.count - one.count);
    const all = opened.has(name) || some.length <= SHOWN + 1;
    const shown = all ? some : some.filter(({ value }, index) => index < SHOWN || chosen.has(value));
    const rows = shown.map(({ value, count }) => row(name, value, count, most, chosen));
    const group = el("fieldset.facet", { "data-facet": name }, el("legend", {}, infogap.titleOf(name)), rows);
    if (!all) {
      const more = el("button.quiet.more", { type: "button" }, `${number(some.length - shown.length)} more`);
      more.addEventListener("click", () => {
        opened.add(name);
        group.replaceWith(facet({ name, values, unlisted }, counts, filter));
      });
      group.append(more);
    }
    if (unlisted && all) group.append(el("p.facet-note", {}, `${number(unlisted)} rarer values are not listed`));
    return group;
  }

  function row(name, value, count, most, chosen) {
    const box = el("input", { type: "checkbox", checked: chosen.has(value), value });
    box.addEventListener("change", () => {
      const now = new Set(infogap.address().filter.getAll(name));
      if (box.checked) now.add(value);
      else now.delete(value);
      infogap.refocus = { facet: name, value };
      infogap.filterBy({ [name]: [...now] });
    });
    const bar = el("span.facet-bar", { "aria-hidden": "true" });
    bar.style.inlineSize = `${(100 * count) / most}%`;
    return el(
      "label.facet-row",
      {},
      box,
      el("span.facet-value", {}, words(value)),
      el("span.facet-count", {}, number(count)),
      bar,
    );
  }

  function range(name, filter) {
    const [low = "", high = ""] = (filter.get(name) ?? "").split("..");
    const field = (label, value) =>
      el("input", {
        type: "text",
        inputmode: "decimal",
        value,
        "aria-label": `${RANGES[name]}, ${label}`,
        placeholder: label,
      });
    const from = field("from", low);
    const to = field("to", high);
    const apply = (event) => {
      event.preventDefault();
      infogap.filterBy({
        [name]: from.value.trim() || to.value.trim() ? `${from.value.trim()}..${to.value.trim()}` : null,
      });
    };
    from.addEventListener("change", apply);
    to.addEventListener("change", apply);
    return el(
      "form.range",
      { onsubmit: apply },
      el("span.range-name", {}, RANGES[name]),
      from,
      el("span", { "aria-hidden": "true" }, "–"),
      to,
      el("button.hidden", {}, "Filter"),
    );
  }

  /** The side panel: facets of more than one value, then ranges of the numbers that the run has. */
  infogap.filters = (run, counts, filter) => {
    const facets = run.facets.map((each) => facet(each, counts[each.name], filter));
    const ranges = Object.keys(RANGES)
      .filter((name) => run.numbers[name])
      .map((name) => range(name, filter));
    return [facets, el("fieldset.facet.ranges", {}, el("legend", {}, "Ranges"), ranges)];
  };

  /** What the list is filtered by, each with a button that removes it. */
  infogap.activeFilters = (filter) => {
    const entries = [...filter].filter(([name]) => !["sort", "page"].includes(name));
    if (!entries.length) return null;
    const chips = entries.map(([name, value]) => {
      const left = filter.getAll(name).filter((each) => each !== value);
      const label = name === "search" ? `“${value}”` : `${words(name)}: ${words(value)}`;
      return el(
        "li",
        {},
        el(
          "button.chip",
          {
            type: "button",
            "aria-label": `Remove the filter ${label}`,
            onclick: () => infogap.filterBy({ [name]: left }),
          },
          label,
          el("span.chip-x", { "aria-hidden": "true" }, "×"),
        ),
      );
    });
    const none = Object.fromEntries(entries.map(([name]) => [name, null]));
    const clear = el("li", {}, el("button.quiet", { type: "button", onclick: () => infogap.filterBy(none) }, "Clear"));
    return el("ul.chips", { "aria-label": "Filters" }, chips, clear);
  };
}
