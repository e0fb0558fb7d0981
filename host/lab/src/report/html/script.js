// Sorts a table by the column whose head is pressed, and filters long ones.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  if (rows.length < 2) continue;
  heads.forEach((head, column) => {
    const value = (row) => {
      const cell = row.cells[column];
      return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    const compare = (a, b) =>
      typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    const sort = () => {
      const falls = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const sorted = [...rows].sort((a, b) => compare(value(a), value(b)) * (falls ? -1 : 1));
      body.append(...sorted);
    };
    head.tabIndex = 0;
    head.onclick = sort;
    head.onkeydown = (event) => {
      if (event.key === "Enter") sort();
    };
  });
  if (rows.length > 12) {
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "filter rows";
    filter.setAttribute("aria-label", `filter rows of ${table.caption.textContent}`);
    filter.oninput = () => {
      const words = filter.value.toLowerCase().split(" ");
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    };
    table.parentElement.before(filter);
  }
}
