"use strict";
// The switches of the marks, which are also their legend.

{
  const { el, words } = infogap;
  const STYLES = 6; // underlines of markers that can be told apart
  const TITLES = {
    marker: "Markers",
    leak: "Leaks",
    copied: "Copied",
    answer: "Answer",
    contaminated: "Evaluation sets",
    gap: "Gap",
  };
  const switched = new Map(); // "layer kind" -> on or off, as a person set it
  let markerKinds = []; // those of the recipe's first lexicon are its main ones

  const key = (layer, kind) => `${layer} ${kind}`;
  const placeOf = (kind) =>
    Math.max(
      0,
      markerKinds.findIndex(({ name }) => name === kind),
    );
  // Markers of further lexicons repeat those of the first; gaps cover everything.
  const isFurther = (layer, kind) => layer === "gap" || (layer === "marker" && !markerKinds[placeOf(kind)]?.main);
  const isOn = (layer, kind) => switched.get(key(layer, kind)) ?? !isFurther(layer, kind);

  infogap.markerClass = (kind) => `style-${placeOf(kind) % STYLES}`;

  infogap.useMarkerKinds = (kinds) => {
    markerKinds = kinds;
  };

  /** The marks of a trace that are switched on. */
  infogap.marksShown = (marks) => marks.filter(([, , layer, kind]) => isOn(layer, kind));
  infogap.gapsShown = () => isOn("gap", "gap per token");

  function sample(layer, kind) {
    const example = el("span.sample-mark", { "aria-hidden": "true" }, layer === "gap" ? "" : "ab");
    if (layer === "gap") example.append(el("span.gap-less-2", {}, "a"), el("span.gap-more-2", {}, "b"));
    else
      example.classList.add(
        `m-${layer}`,
        ...(layer === "marker" ? [infogap.markerClass(kind)] : [`begins-${layer}`, `ends-${layer}`]),
      );
    return example;
  }

  function counts(traces) {
    const found = new Map();
    for (const trace of traces) {
      for (const [, , layer, kind] of trace.marks) found.set(key(layer, kind), (found.get(key(layer, kind)) ?? 0) + 1);
    }
    return found;
  }

  function group(layer, kinds, found, redraw) {
    const boxes = kinds.map((kind) => {
      const box = el("input", { type: "checkbox", checked: isOn(layer, kind) });
      box.addEventListener("change", () => {
        switched.set(key(layer, kind), box.checked);
        redraw();
      });
      const count = layer === "gap" ? null : el("span.facet-count", {}, String(found.get(key(layer, kind)) ?? 0));
      return el("label.switch", {}, box, sample(layer, kind), el("span", {}, words(kind)), count);
    });
    return kinds.length ? el("fieldset.switches", {}, el("legend", {}, TITLES[layer]), boxes) : null;
  }

  /** The switches for the marks of a task and of some traces; `redraw` is called when one is switched. */
  infogap.marksPanel = (traces, redraw) => {
    const found = counts(traces);
    const kindsOf = (layer) =>
      [
        ...new Set(traces.flatMap((trace) => trace.marks.filter((mark) => mark[2] === layer).map((mark) => mark[3]))),
      ].sort();
    const gaps = traces.some((trace) => trace.token_gaps) ? ["gap per token"] : [];
    return el(
      "div.marks-panel",
      { role: "group", "aria-label": "Marks in the texts" },
      group(
        "marker",
        markerKinds.filter(({ name, main }) => main || found.has(key("marker", name))).map(({ name }) => name),
        found,
        redraw,
      ),
      ["leak", "copied", "answer", "contaminated"].map((layer) => group(layer, kindsOf(layer), found, redraw)),
      group("gap", gaps, found, redraw),
    );
  };
}
