// What runs have used this month, by day, assistant or model, in money where the operator has named prices.

import { api } from "./api.js";
import { inspect } from "./inspector.js";
import { el } from "./text.js";

/** How it can be grouped: as the API calls it, in words, and the field that names a group. */
const GROUPS = [["day", "Day", "day"], ["assistant", "Assistant", "assistant_id"], ["model", "Model", "model"]];
const COLUMNS = [
  ["runs", "Runs"], ["input_tokens", "Tokens in"], ["cached_tokens", "Of these cached"],
  ["output_tokens", "Tokens out"], ["tool_calls", "Tool calls"],
];

export function showUsage() {
  inspect("Usage this month", async (signal) => {
    const state = el("p", { class: "small", role: "status" });
    const place = el("div", { class: "wide", role: "region", "aria-label": "Usage", tabindex: "0" });
    const choice = el("select", { "aria-label": "Grouped by" }, GROUPS.map(([value, words]) => el("option", { value }, `By ${words.toLowerCase()}`)));
    const load = async () => {
      const [group, words, field] = GROUPS[choice.selectedIndex];
      const report = await api.get(`/v1/usage?group_by=${group}`, signal);
      if (group !== choice.value) return;
      state.textContent = `${report.start} to ${report.end} (UTC). ${report.data.length === 0 ? "Nothing was used." : ""}`;
      place.replaceChildren(...(report.data.length === 0 ? [] : [table(report.data, words, field)]));
    };
    choice.addEventListener("change", () => load().catch((error) => (state.textContent = error.message)));
    await load();
    return [el("p", { class: "row" }, choice), state, place];
  });
}

function table(groups, words, field) {
  const priced = groups.some((each) => each.cost !== null);
  const columns = priced ? [...COLUMNS, ["cost", "Cost"]] : COLUMNS;
  const cells = (row) => columns.map(([name]) => el("td", {}, shown(row[name])));
  const row = (label, values) => el("tr", {}, el("th", { scope: "row" }, label), cells(values));
  const sum = (name) => (groups.some((each) => each[name] === null) ? null : groups.reduce((all, each) => all + each[name], 0));
  return el("table", { class: "numbers" },
    el("thead", {}, el("tr", {}, [words, ...columns.map(([, label]) => label)].map((label) => el("th", { scope: "col" }, label)))),
    el("tbody", {}, groups.map((each) => row(each[field], each))),
    el("tfoot", {}, row("All", Object.fromEntries(columns.map(([name]) => [name, sum(name)])))));
}

/** A number as people of here write it; a cost that nobody knows is none. */
const shown = (value) => (value === null ? "unknown" : value.toLocaleString(undefined, { maximumFractionDigits: 4 }));
