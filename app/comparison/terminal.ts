import { percent } from "../../detectors/comparison/explanation.ts";
import type { MethodName } from "../../detectors/methods/registry.ts";
import { outputPalette, type Palette } from "../cli/colour.ts";
import type { CommandContext } from "../cli/command.ts";
import { formatTable, printable, type Cell, type Column } from "../cli/table.ts";
import { textWidth, wrapText } from "../cli/wrap.ts";
import type { Comparison, ComparedColumn, ComparedFile } from "./comparison.ts";

/** What drifted comes first, then what could not be decided; else as in the file. */
const order: readonly ComparedColumn["decision"][] = ["drift", "insufficient_data", "too_variable", "ok"];

/** A comparison as people read it on a terminal: the verdict, a table, and why for everything that is not `ok`. */
export function terminalText(
  { reference, current, columns, verdict }: Comparison,
  context: CommandContext,
  methods: readonly MethodName[],
): string {
  const palette = outputPalette(context);
  const width = textWidth(context);
  const sorted = inOrder(columns);
  const shownMethods = methods.filter((name) => columns.some((column) => column.methods[name] !== undefined));
  const layout: Column[] = [
    { name: "column" },
    { name: "type" },
    { name: "decision", paint: (text, cell) => painted(palette, cell as ComparedColumn["decision"], text) },
    { name: "moved", align: "right" },
    { name: "at least", align: "right" },
    { name: "missing", align: "right" },
    ...shownMethods.map((name) => ({ name, align: "right" as const })),
  ];
  const cells = sorted.map((column): Cell[] => [
    column.name,
    column.type,
    decisionWords[column.decision],
    column.effect === null ? null : percent(column.effect.value),
    column.effect === null ? null : percent(column.effect.low),
    missingText(column),
    ...shownMethods.map((name) => {
      const score = column.methods[name]?.score;
      return score === undefined ? null : shortNumber(score);
    }),
  ]);
  const reasons = sorted.filter(({ decision }) => decision !== "ok");
  const noted = sorted.filter(
    ({ decision, explanation }) => decision === "ok" && /types differ|count as missing/.test(explanation),
  );
  return [
    `${fileText("reference", reference)}   ${fileText("current", current)}`,
    "",
    formatTable(layout, cells, { width: context.output?.columns ?? null }),
    ...alikes([...reasons, ...noted]).map(({ names, column }) =>
      wrapText(`${painted(palette, column.decision, names)}: ${printable(column.explanation)}`, width, 2),
    ),
    ...(reasons.length + noted.length > 0 ? [""] : []),
    verdictText({ columns, verdict }, palette, width),
    "",
  ].join("\n");
}

const namesShown = 8;

/** Columns of which the same is to be said, together. */
function alikes(columns: readonly ComparedColumn[]): { readonly names: string; readonly column: ComparedColumn }[] {
  const groups = Map.groupBy(columns, ({ decision, explanation }) => `${decision}: ${explanation}`);
  return [...groups.values()].map((group) => {
    const shown = group.slice(0, namesShown).map(({ name }) => printable(name));
    const more = group.length - shown.length;
    return {
      names: `${shown.join(", ")}${more > 0 ? ` and ${more.toLocaleString("en-US")} more` : ""}`,
      column: group[0]!,
    };
  });
}

/** Stable: the file's order within each decision; drifted columns by how much. */
export function inOrder(columns: readonly ComparedColumn[]): ComparedColumn[] {
  return columns.toSorted(
    (a, b) =>
      order.indexOf(a.decision) - order.indexOf(b.decision) ||
      (a.decision === "drift" ? (b.effect?.low ?? 0) - (a.effect?.low ?? 0) : 0),
  );
}

export const decisionWords: Readonly<Record<ComparedColumn["decision"], string>> = {
  ok: "ok",
  drift: "drift",
  insufficient_data: "insufficient data",
  too_variable: "too variable",
};

function verdictText(
  { columns, verdict }: Pick<Comparison, "columns" | "verdict">,
  palette: Palette,
  width: number,
): string {
  const word = painted(palette, verdict, decisionWords[verdict]);
  return wrapText(`Verdict: ${palette.strong(word)}. ${summaryText(columns)}`, width);
}

/** How many columns were decided how, and on what assumption. */
export function summaryText(columns: readonly ComparedColumn[]): string {
  const counts = order
    .map((decision) => [decision, columns.filter((column) => column.decision === decision).length] as const)
    .filter(([, count]) => count > 0)
    .map(([decision, count]) => `${count.toLocaleString("en-US")} ${decisionWords[decision]}`);
  const of = `${columns.length.toLocaleString("en-US")} column${columns.length === 1 ? "" : "s"}`;
  return `${of}: ${counts.join(", ")}. Rows were assumed independent.`;
}

function painted(palette: Palette, decision: ComparedColumn["decision"] | string, text: string): string {
  if (decision === "drift") return palette.bad(text);
  if (decision === "ok") return palette.good(text);
  return palette.warning(text);
}

function fileText(side: string, { source, rows }: ComparedFile): string {
  return `${side}: ${printable(source)} (${rows.toLocaleString("en-US")} row${rows === 1 ? "" : "s"})`;
}

function missingText({ reference, current }: ComparedColumn): string | null {
  if (reference.rows === 0 && current.rows === 0) return null;
  const before = share(reference);
  const now = share(current);
  return before === now ? now : `${before} → ${now}`;
}

function share({ rows, missing }: ComparedColumn["reference"]): string {
  return rows === 0 ? "–" : percent(missing / rows);
}

/** Three digits that matter. */
export function shortNumber(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Math.abs(value) < 0.0005 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}
