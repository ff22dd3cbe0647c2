/** A cell of a table. Null is shown as `–`, so that nothing and the empty text differ. */
export type Cell = string | number | boolean | null;

/**
 * Rows as aligned columns under their names: numbers to the right, text to the left, two spaces between. Control
 * characters are shown, never sent to the terminal.
 */
export function formatTable(
  columns: readonly { readonly name: string; readonly align?: "left" | "right" }[],
  rows: readonly (readonly Cell[])[],
): string {
  const header = columns.map((column) => column.name);
  const body = rows.map((row) => row.map(cellText));
  const widths = header.map((name, index) =>
    body.reduce((width, row) => Math.max(width, (row[index] ?? "").length), name.length),
  );
  const alignments = columns.map(
    (column, index) =>
      column.align ?? (rows.length > 0 && rows.every((row) => isNumeric(row[index])) ? "right" : "left"),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        alignments[index] === "right" ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      )
      .join("  ")
      .trimEnd();
  return [line(header), line(widths.map((width) => "─".repeat(width))), ...body.map(line), ""].join("\n");
}

function isNumeric(cell: Cell | undefined): boolean {
  return typeof cell === "number" || cell === null;
}

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function cellText(cell: Cell): string {
  if (cell === null) return "–";
  return String(cell).replaceAll(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => escapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
