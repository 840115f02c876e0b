// What runs have used this month, by day, assistant or model, in money where the operator has named prices.

import { all, api } from "./api.js";
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
      const [report, names] = await Promise.all([
        api.get(`/v1/usage?group_by=${group}`, signal), group === "assistant" ? namesOfAssistants(signal) : new Map(),
      ]);
      if (group !== choice.value) return;
      state.textContent = `${report.start} to ${report.end} (UTC). ${report.data.length === 0 ? "Nothing was used." : ""}`;
      place.replaceChildren(...(report.data.length === 0 ? [] : [table(report.data, words, (each) => names.get(each[field]) ?? each[field])]));
    };
    choice.addEventListener("change", () => load().catch((error) => (state.textContent = error.message)));
    await load();
    return [el("p", { class: "row" }, choice), state, place];
  });
}

/** Id -> name of those that have one; of those that were deleted nobody knows it. */
async function namesOfAssistants(signal) {
  return new Map((await all("/v1/assistants", signal)).filter((each) => each.name).map((each) => [each.id, each.name]));
}

function table(groups, words, labelOf) {
  const priced = groups.some((each) => each.cost !== null);
  const columns = priced ? [...COLUMNS, ["cost", "Cost"]] : COLUMNS;
  const cells = (row) => columns.map(([name]) => el("td", {}, shown(row[name])));
  const row = (label, values) => el("tr", {}, el("th", { scope: "row" }, label), cells(values));
  const sum = (name) => (groups.some((each) => each[name] === null) ? null : groups.reduce((all, each) => all + each[name], 0));
  return el("table", { class: "numbers" },
    el("thead", {}, el("tr", {}, [words, ...columns.map(([, label]) => label)].map((label) => el("th", { scope: "col" }, label)))),
    el("tbody", {}, groups.map((each) => row(labelOf(each), each))),
    el("tfoot", {}, row("All", Object.fromEntries(columns.map(([name]) => [name, sum(name)])))));
}

/** A number as people of here write it; a cost that nobody knows is none. */
const shown = (value) => (value === null ? "unknown" : value.toLocaleString(undefined, { maximumFractionDigits: 4 }));
