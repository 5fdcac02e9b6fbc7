"use strict";
// The address holds all that a page shows, after the #: `#/traces?privilege=answer&sort=-density&page=2`, and
// `#/trace/ID?...`, whose parameters are the list it was opened from.

{
  /** Read the address: `page` is "traces", "trace" or "task"; `id` names a trace or a task; `filter` has the rest. */
  infogap.address = () => {
    const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    const [page, id = null] = path.split("/", 2);
    return {
      page: page || "traces",
      id: id === null ? null : decoded(id),
      filter: new URLSearchParams(query),
    };
  };

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  infogap.link = (page, id, filter) => {
    const query = filter?.toString();
    return `#/${page}${id === null ? "" : `/${encodeURIComponent(id)}`}${query ? `?${query}` : ""}`;
  };

  /** Go to a list with other parameters: those of `changes` are set, and null ones are removed. */
  infogap.filterBy = (changes) => {
    const filter = infogap.address().filter;
    filter.delete("page");
    for (const [name, values] of Object.entries(changes)) {
      filter.delete(name);
      for (const value of [values].flat()) if (value !== null && value !== "") filter.append(name, value);
    }
    location.hash = infogap.link("traces", null, filter);
  };

  /** The parameters of a list without those of its page. */
  infogap.withoutPage = (filter) => {
    const copy = new URLSearchParams(filter);
    copy.delete("page");
    return copy;
  };
}
