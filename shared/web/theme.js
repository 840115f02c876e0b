// Light or dark, as chosen; without a choice as the system has it. Runs before the first paint, so nothing flashes.
"use strict";

{
  const KEPT = "api-in-a-box.theme";

  const show = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };

  show(localStorage.getItem(KEPT));
  addEventListener("storage", ({ key, newValue }) => key === KEPT && show(newValue));
  addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    choice.value = document.documentElement.dataset.theme ?? "auto";
    choice.addEventListener("change", () => {
      if (choice.value === "auto") localStorage.removeItem(KEPT);
      else localStorage.setItem(KEPT, choice.value);
      show(choice.value);
    });
  });
}
