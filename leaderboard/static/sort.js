// Sorting in an exported table. Without scripts the table stands by place, as it was written.
"use strict";
for (const table of document.querySelectorAll("table.board")) {
  const heads = [...table.querySelectorAll("thead th")];
  for (const head of heads.filter((one) => one.hasAttribute("data-sort"))) {
    const column = heads.indexOf(head);
    const button = document.createElement("button");
    button.type = "button";
    while (head.firstChild && head.firstChild.nodeType === Node.TEXT_NODE) button.append(head.firstChild);
    const arrow = document.createElement("span");
    arrow.className = "arrow";
    arrow.setAttribute("aria-hidden", "true");
    arrow.textContent = "↕";
    button.append(arrow);
    head.prepend(button);
    button.addEventListener("click", () => {
      const number = head.classList.contains("n");
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : number && column !== 0;
      for (const other of heads) {
        other.removeAttribute("aria-sort");
        const mark = other.querySelector(".arrow");
        if (mark) mark.textContent = "↕";
      }
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      arrow.textContent = down ? "▼" : "▲";
      const key = (row) => {
        const cell = row.cells[column];
        if (!number) return cell.textContent.trim().toLowerCase();
        return cell.dataset.value ? Number(cell.dataset.value) : null;
      };
      const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = number ? a - b : a.localeCompare(b);
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }
}
