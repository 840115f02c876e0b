// How things of the library are told, and lists of them kept in line.

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** How a file in a store is, in words. */
export function stateOf({ status, last_error: error }) {
  const words = { in_progress: "being indexed", completed: "ready", cancelled: "cancelled" };
  return words[status] ?? `failed: ${error?.message ?? "no reason was given"}`;
}

/** A number of bytes, as people say it. */
export function bytes(count) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const format = { style: "unit", unit: UNITS[power], maximumFractionDigits: 1 };
  return new Intl.NumberFormat([], format).format(count / 1000 ** power);
}

/** A moment (unix seconds) as its day. */
export function day(seconds) {
  return new Date(seconds * 1000).toLocaleDateString([], { dateStyle: "medium" });
}

const said = new WeakMap();

/** Brings a list in line with items. Rows of items that stayed as they were are left alone, with what is open and focused. */
export function bring(list, items, idOf, make) {
  const before = new Map([...list.children].map((row) => [row.dataset.id, row]));
  items.forEach((item, place) => {
    const now = JSON.stringify(item);
    let row = before.get(idOf(item));
    before.delete(idOf(item));
    if (row === undefined || said.get(row) !== now) {
      const made = make(item, row);
      made.dataset.id = idOf(item);
      said.set(made, now);
      row?.replaceWith(made);
      row = made;
    }
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
  before.forEach((row) => row.remove());
}
