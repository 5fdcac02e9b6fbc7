"use strict";
// Keys. None of them acts while a person types.

{
  const help = document.getElementById("help");
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

  /** Move from trace to trace: in the list the focus moves, on a task's page the next or previous one is opened. */
  function step(forward) {
    if (infogap.address().page !== "traces") {
      document.getElementById(forward ? "after" : "before")?.click();
      return;
    }
    const links = [...document.querySelectorAll("a.question")];
    const now = links.indexOf(document.activeElement);
    const next = now < 0 ? 0 : now + (forward ? 1 : -1);
    if (links[next]) links[next].focus();
    else turn(forward);
  }

  /** Go to the next or the previous page of the list, to its first or last trace. */
  function turn(forward) {
    const link = document.querySelector(`a[aria-label="${forward ? "next" : "previous"} page"]`);
    if (!link) return;
    infogap.refocus = { row: forward ? 0 : -1 };
    link.click();
  }

  /** Move the focus to the next or the previous turn of the trace that is looked at. */
  function turnOfTrace(forward) {
    const turns = [...document.querySelectorAll(".column.is-current .turn")];
    const now = turns.findIndex((turn) => turn.contains(document.activeElement));
    const next = turns[now < 0 ? (forward ? 0 : turns.length - 1) : now + (forward ? 1 : -1)];
    next?.focus();
    next?.scrollIntoView({ block: "start" });
  }

  const KEYS = {
    j: () => step(true),
    k: () => step(false),
    ArrowRight: () => step(true),
    ArrowLeft: () => step(false),
    n: () => turnOfTrace(true),
    p: () => turnOfTrace(false),
    "/": () => document.getElementById("search").focus(),
    "?": () => help.showModal(),
    Escape: () => document.getElementById("back")?.click(),
    a: () => document.querySelector(".column.is-current .tag-field")?.focus(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = KEYS[event.key];
    if (act === undefined || (event.key.startsWith("Arrow") && event.target.matches("[role=region]"))) return;
    event.preventDefault();
    act();
  });
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
}
