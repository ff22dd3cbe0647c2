import { html, type Html } from "./html.ts";

type ColumnKind = "text" | "number" | "optional" | "number optional";

/** A column's heading: numbers stand to the right, optional ones are left out on a phone. */
export type TableColumn = string | { readonly name: string | Html; readonly kind: ColumnKind };

/**
 * A table that scrolls by itself where it is wider than the screen, also by keyboard.
 *
 * @param table.label what it holds, for who does not see it
 * @param table.rows `<tr>` elements
 */
export function scrollTable(table: {
  readonly label: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly Html[];
  /** Of the stylesheet; absent for an ordinary table. */
  readonly look?: "fleet" | "series";
}): Html {
  const headings = table.columns.map((column) => {
    const { name, kind } = typeof column === "string" ? { name: column, kind: "text" as const } : column;
    return kind === "text" ? html`<th scope="col">${name}</th>` : html`<th scope="col" class="${kind}">${name}</th>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${table.label}">
    <table${table.look === undefined ? null : html` class="${table.look}"`}>
      <thead>
        <tr>
          ${headings}
        </tr>
      </thead>
      <tbody>
        ${table.rows}
      </tbody>
    </table>
  </div>`;
}
