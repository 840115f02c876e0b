// Light or dark, as chosen; without a choice as the system has it. Runs before the first paint, so nothing flashes.
"use strict";

{
  const KEPT = "api-in-a-box.theme";
  const darkSystem = matchMedia("(prefers-color-scheme: dark)");

  const show = (theme) => {
    const { classList, dataset } = document.documentElement;
    if (theme === "light" || theme === "dark") dataset.theme = theme;
    else delete dataset.theme;
    // For the library behind the API's description, which asks for a class.
    classList.toggle("dark-mode", (dataset.theme ?? (darkSystem.matches ? "dark" : "light")) === "dark");
  };

  show(localStorage.getItem(KEPT));
  darkSystem.addEventListener("change", () => show(localStorage.getItem(KEPT)));
  addEventListener("storage", ({ key, newValue }) => key === KEPT && show(newValue));
  addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    if (choice === null) return;
    choice.value = document.documentElement.dataset.theme ?? "auto";
    choice.addEventListener("change", () => {
      if (choice.value === "auto") localStorage.removeItem(KEPT);
      else localStorage.setItem(KEPT, choice.value);
      show(choice.value);
    });
  });
}
