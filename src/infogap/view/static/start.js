"use strict";
// Shows the page that the address names, and what is wrong if it cannot be shown.

{
  const { el } = infogap;
  const main = document.getElementById("main");

  async function show() {
    const { page, id, filter } = infogap.address();
    const asked = location.hash;
    document.getElementById("search").value = filter.get("search") ?? "";
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close(); // the browser's Back leaves them open
    main.setAttribute("aria-busy", "true");
    try {
      if (page === "trace" && id !== null) await infogap.showTrace(main, id, filter);
      else if (page === "task" && id !== null) await infogap.showTask(main, id, filter);
      else await infogap.showList(main, filter);
    } catch (error) {
      if (location.hash !== asked) return; // another page is on its way
      main.className = "alone";
      main.replaceChildren(
        el("p.problem", { role: "alert" }, error.message),
        el("p", {}, el("a", { href: "#/traces" }, "All traces")),
      );
    }
    main.removeAttribute("aria-busy");
  }

  async function describe() {
    const run = await infogap.data.run();
    document.getElementById("run-name").textContent = infogap.visible(run.name);
    const notices = document.getElementById("notices");
    notices.append(...run.notes.map((note) => el("p", {}, note)));
    const { missing, stale } = await infogap.data.stages();
    if (missing.length) notices.append(el("p", {}, `Not run yet: ${missing.join(", ")}.`));
    if (stale.length) notices.append(el("p", {}, `Not up to date: ${stale.join("; ")}.`));
  }

  document.getElementById("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    infogap.filterBy({ search: document.getElementById("search").value.trim() || null });
  });
  document.getElementById("search").addEventListener("search", (event) => {
    if (event.target.value === "" && infogap.address().filter.get("search")) infogap.filterBy({ search: null });
  });
  window.addEventListener("hashchange", show);
  show();
  describe().catch(() => {}); // the page itself says what is wrong
}
