/** A cell of a table. Null is shown as `–`, so that nothing and the empty text differ. */
export type Cell = string | number | boolean | null;

export interface Column {
  readonly name: string;
  readonly align?: "left" | "right";
  /** Colours a cell after it was aligned; `cell` is its value. */
  readonly paint?: (text: string, cell: Cell) => string;
}

/** Below this a column that is cut says too little. */
const narrowest = 8;
const gap = "  ";

/**
 * Rows as aligned columns under their names: numbers to the right, text to the left, two spaces between. Control
 * characters are shown, never sent to the terminal.
 *
 * @param options.width Columns of the terminal: texts of the widest left-aligned columns are cut with `…` until a row fits.
 *   Null, for a pipe: nothing is ever cut.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width = null }: { readonly width?: number | null | undefined } = {},
): string {
  const header = columns.map((column) => column.name);
  const body = rows.map((row) => row.map(cellText));
  const alignments = columns.map(
    (column, index) =>
      column.align ?? (rows.length > 0 && rows.every((row) => isNumeric(row[index])) ? "right" : "left"),
  );
  const natural = header.map((name, index) =>
    body.reduce((widest, row) => Math.max(widest, (row[index] ?? "").length), name.length),
  );
  const widths = width === null ? natural : fitted(natural, header, alignments, width);
  const line = (cells: readonly string[], values: readonly Cell[] | null) =>
    cells
      .map((cell, index) => {
        const room = widths[index]!;
        const shown = cell.length > room ? `${cell.slice(0, room - 1)}…` : cell;
        const last = index === cells.length - 1 && alignments[index] === "left";
        const aligned = alignments[index] === "right" ? shown.padStart(room) : last ? shown : shown.padEnd(room);
        return values === null ? aligned : (columns[index]?.paint?.(aligned, values[index] ?? null) ?? aligned);
      })
      .join(gap)
      .trimEnd();
  return [
    line(header, null),
    line(
      widths.map((room) => "─".repeat(room)),
      null,
    ),
    ...body.map((cells, index) => line(cells, rows[index] ?? [])),
    "",
  ].join("\n");
}

/** Takes from the widest column that may be cut, again and again, until the row fits or nothing is left to take. */
function fitted(
  natural: readonly number[],
  header: readonly string[],
  alignments: readonly ("left" | "right")[],
  width: number,
): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, room) => sum + room, gap.length * (widths.length - 1)) - width;
  for (; excess > 0; excess -= 1) {
    let widest = -1;
    for (const [index, room] of widths.entries()) {
      const floor = Math.max(narrowest, header[index]!.length);
      if (alignments[index] === "left" && room > floor && room > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) break;
    widths[widest]! -= 1;
  }
  return widths;
}

function isNumeric(cell: Cell | undefined): boolean {
  return typeof cell === "number" || cell === null;
}

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function cellText(cell: Cell): string {
  if (cell === null) return "–";
  return printable(String(cell));
}

/** Text of others, with its control characters shown. */
export function printable(text: string): string {
  return text.replaceAll(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f]/g,
    (character) => escapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
