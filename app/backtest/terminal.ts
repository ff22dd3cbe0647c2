import { outputPalette } from "../cli/colour.ts";
import type { CommandContext } from "../cli/command.ts";
import { formatTable, printable, type Cell, type Column } from "../cli/table.ts";
import { textWidth, wrapText } from "../cli/wrap.ts";
import type { BacktestResult, BacktestWindow, WindowPerformance } from "./result.ts";

/** Shown in the timeline if they were measured, at most two. */
const shownMetrics = ["accuracy", "roc_auc", "rmse", "f1"];
const mostShown = 2;

/** The timeline of a backtest, then what was found. */
export function backtestText(result: BacktestResult, notes: readonly string[], context: CommandContext): string {
  const palette = outputPalette(context);
  const width = textWidth(context);
  const lines: string[] = notes.map((note) => palette.faint(wrapText(`· ${note}`, width, 2)));
  if (lines.length > 0) lines.push("");
  const measured = new Set(result.performance.map(({ metric }) => metric));
  const metrics = shownMetrics.filter((metric) => measured.has(metric)).slice(0, mostShown);
  const columns: Column[] = [
    { name: "window", align: "right" },
    { name: "from" },
    { name: "rows", align: "right" },
    {
      name: "state",
      paint: (text, state) =>
        state === "drift" ? palette.bad(text) : state === "ok" ? palette.good(text) : palette.faint(text),
    },
    ...metrics.map((metric): Column => ({ name: metric, align: "right" })),
    { name: "what changed" },
  ];
  const rows = result.windows.map((window): Cell[] => [
    window.index,
    windowText(window),
    window.rows.toLocaleString("en-US"),
    window.state,
    ...metrics.map((metric) => metricText(result.performance, window.index, metric)),
    eventsOf(result, window.index).map(printable).join("; "),
  ]);
  lines.push(formatTable(columns, rows, { width: context.output?.columns }));
  if (metrics.length > 0) {
    const hasEstimate = result.performance.some(({ estimated }) => estimated !== null);
    lines.push(
      palette.faint(
        hasEstimate
          ? "performance: realised, ~estimated without labels; ! where the realised lies outside of the estimate's 95 % interval"
          : "performance: realised",
      ),
      "",
    );
  }
  const { incidents } = result;
  lines.push(
    incidents.length === 0
      ? palette.good("no incident")
      : `${incidents.length === 1 ? "1 incident" : `${incidents.length} incidents`}`,
  );
  for (const incident of incidents) {
    const until = incident.closed_window === null ? "still open at the end" : `to window ${incident.closed_window}`;
    lines.push(
      "",
      `${palette.bad(incident.severity.toUpperCase())}  ${wrapText(printable(incident.title), width, 4)}`,
      `    window ${incident.opened_window} ${until}; magnitude ${incident.rank_score.toFixed(2)}`,
    );
    const own = result.findings.filter(
      (finding) => incident.features.includes(finding.feature) && within(finding, incident),
    );
    for (const { explanation } of own) lines.push(`    ${wrapText(printable(explanation), width, 6)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Two backtests of the same rows, side by side. */
export function comparedText(
  sides: readonly { readonly config: string; readonly result: BacktestResult }[],
  context: CommandContext,
): string {
  const palette = outputPalette(context);
  const numbers: readonly (readonly [string, (result: BacktestResult) => Cell])[] = [
    ["windows", ({ windows }) => windows.length],
    ["windows with drift", ({ windows }) => windows.filter(({ state }) => state === "drift").length],
    ["incidents", ({ incidents }) => incidents.length],
    ["findings", ({ findings }) => findings.length],
    ["first incident in window", ({ incidents }) => incidents[0]?.opened_window ?? null],
    [
      "largest magnitude",
      ({ incidents }) =>
        incidents.length === 0 ? null : Math.max(...incidents.map((one) => one.rank_score)).toFixed(2),
    ],
  ];
  const table = formatTable(
    [{ name: "" }, ...sides.map(({ config }): Column => ({ name: config, align: "right" }))],
    numbers.map(([name, of]) => [name, ...sides.map(({ result }) => of(result))]),
    { width: context.output?.columns },
  );
  const lists = sides.map(({ config, result }) => {
    const incidents = result.incidents.map(
      (one) => `  window ${one.opened_window}–${one.closed_window ?? ""}  ${one.severity}  ${printable(one.title)}`,
    );
    return `${palette.strong(config)}\n${incidents.length === 0 ? "  no incident" : incidents.join("\n")}\n`;
  });
  return `${table}\n${lists.join("\n")}`;
}

function within(
  finding: { readonly opened_window: number },
  incident: { readonly opened_window: number; readonly closed_window: number | null },
): boolean {
  return (
    finding.opened_window >= incident.opened_window &&
    (incident.closed_window === null || finding.opened_window <= incident.closed_window)
  );
}

function windowText({ from }: BacktestWindow): string {
  if (typeof from === "number") return `row ${from.toLocaleString("en-US")}`;
  return from.endsWith("T00:00:00.000Z") ? from.slice(0, 10) : from.slice(0, 16).replace("T", " ");
}

function eventsOf({ incidents, findings }: BacktestResult, window: number): string[] {
  return [
    ...incidents.filter((one) => one.opened_window === window).map(({ title }) => `incident: ${title}`),
    ...findings.filter((one) => one.opened_window === window).map((one) => `+ ${one.feature} ${one.signal}`),
    ...findings.filter((one) => one.closed_window === window).map((one) => `− ${one.feature} ${one.signal}`),
    ...incidents.filter((one) => one.closed_window === window).map(() => "incident over"),
  ];
}

function metricText(performance: readonly WindowPerformance[], window: number, metric: string): Cell {
  const found = performance.find((one) => one.window === window && one.metric === metric);
  if (found === undefined) return null;
  const { realised, estimated, low, high } = found;
  const known = realised === null ? "" : realised.toFixed(3);
  const guess = estimated === null ? "" : `~${estimated.toFixed(3)}`;
  const outside = realised !== null && estimated !== null && (realised < low || realised > high);
  return [known, guess].filter((text) => text !== "").join(" ") + (outside ? " !" : "");
}
