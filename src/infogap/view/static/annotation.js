"use strict";
// A person's tag and note on a trace.

{
  const { el } = infogap;

  function form(trace, tags) {
    const list = `tags-${trace.trace_id}`;
    const tag = el("input.tag-field", {
      type: "text",
      value: trace.annotation.tag,
      maxlength: 40,
      list,
      "aria-label": "Tag",
      placeholder: "tag",
      autocomplete: "off",
    });
    const note = el("textarea", { rows: 2, maxlength: 4000, "aria-label": "Note", placeholder: "note" });
    note.value = trace.annotation.note;
    const said = el("span.said", { role: "status" });
    let saving = Promise.resolve(); // one after the other: the last one written is the last one typed
    const write = async () => {
      const now = { tag: tag.value, note: note.value };
      try {
        await infogap.data.annotate(trace.trace_id, now.tag, now.note);
        trace.annotation = now;
        if (now.tag === tag.value && now.note === note.value) said.textContent = "Saved";
      } catch (error) {
        said.textContent = infogap.visible(error.message);
      }
    };
    const save = (event) => {
      event.preventDefault();
      saving = saving.then(write);
    };
    const known = el(
      "datalist",
      { id: list },
      tags.map((value) => el("option", { value })),
    );
    for (const field of [tag, note]) {
      field.addEventListener("input", () => (said.textContent = "Not saved yet"));
      field.addEventListener("change", save); // when a person leaves the field
    }
    return el(
      "form.annotation",
      { onsubmit: save },
      tag,
      note,
      known,
      el("div.annotation-end", {}, el("button.quiet", {}, "Save"), said),
    );
  }

  /** The form for a trace's tag and note; in an exported folder, which nothing can be written to, what they say. */
  infogap.annotation = (run, trace) => {
    const { tag, note } = trace.annotation;
    if (run.writable) {
      const tags = (run.facets.find((facet) => facet.name === "tag")?.values ?? []).filter(
        (value) => value !== run.missing.tag,
      );
      return form(trace, tags);
    }
    if (!tag && !note) return null;
    return el("div.annotation", {}, tag && el("span.tag", {}, tag), note && el("p.note", {}, note));
  };
}
