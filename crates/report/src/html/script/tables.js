// Tables: a click on a heading sorts by its column, ascending, descending, then as written.
"use strict";

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  // A mean or a total stays last, whatever the order of the rows above it.
  const isSummary = (row) => /^(mean|total|all)\b/.test(row.cells[0].textContent.trim());
  const rows = [...body.rows].filter((row) => !isSummary(row));
  const summaries = [...body.rows].filter(isSummary);
  if (rows.length < 2) continue;
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort by this column";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: null }[heading.getAttribute("aria-sort")];
      const order = next === undefined ? "ascending" : next;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (order) heading.setAttribute("aria-sort", order);
      const sorted = order ? sortedRows(rows, column, order === "ascending" ? 1 : -1) : rows;
      body.append(...sorted, ...summaries);
    });
  });
}

function sortedRows(rows, column, direction) {
  const text = (row) => row.cells[column].textContent.trim();
  const keys = new Map(rows.map((row) => [row, figure(text(row))]));
  const isNumeric = rows.some((row) => !isNaN(keys.get(row)));
  return [...rows].sort((left, right) => {
    if (!isNumeric) return direction * text(left).localeCompare(text(right), "en", { numeric: true });
    const [a, b] = [keys.get(left), keys.get(right)];
    // What was not measured comes last in both orders.
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
    return direction * (a - b);
  });
}

// The number that a cell begins with: of `0.94 ± 0.01`, `1,234`, `≤ 106` or `−12 %`; NaN for any other text.
function figure(text) {
  const found = text.replace(/,(?=\d{3})/g, "").replace("−", "-").match(/^[≤≥<>\s]*([+-]?\d*\.?\d+(?:e[+-]?\d+)?)/i);
  return found ? Number(found[1]) : NaN;
}
