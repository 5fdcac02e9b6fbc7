"use strict";
// Light or dark: as the system asks, until the button says otherwise.

{
  const NEXT = { system: "light", light: "dark", dark: "system" };
  const KEY = "infogap-theme";

  function stored() {
    try {
      return localStorage.getItem(KEY) ?? "system";
    } catch {
      return "system"; // a page on disk may have no storage
    }
  }

  function apply(theme) {
    const root = document.documentElement;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    document.getElementById("theme").textContent = { system: "Auto", light: "Light", dark: "Dark" }[theme];
    document.getElementById("theme").setAttribute("aria-label", `Colours: ${theme}. Change to ${NEXT[theme]}`);
  }

  let theme = stored() in NEXT ? stored() : "system";
  apply(theme);
  document.getElementById("theme").addEventListener("click", () => {
    theme = NEXT[theme];
    apply(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // it then lasts as long as the page
    }
  });
}
