import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  comparedRows,
  measures,
  type Measured,
  type ScenarioResult,
  type SimulationReport,
} from "../../detectors/simulate/measured.ts";
import { peerRules } from "../../detectors/simulate/peers.ts";
import { scenarios } from "../../detectors/simulate/scenarios.ts";
import { defaultMonitoring } from "./default-monitoring.ts";

/** The newest result of every scenario, and of every other tool's rule on it: what is kept in `docs/measured.json`. */
export interface KeptResults {
  readonly results: readonly KeptResult[];
}

export type KeptResult = ScenarioResult & { readonly seed: number };

const docs = join(import.meta.dirname, "..", "..", "docs");
export const keptResultsPath = join(docs, "measured.json");
export const measuredPagePath = join(docs, "measured.md");

export function readKeptResults(): KeptResults {
  return JSON.parse(readFileSync(keptResultsPath, "utf8")) as KeptResults;
}

/** A line a result, so that a difference shows which was measured anew. */
export function keptResultsText({ results }: KeptResults): string {
  return `{\n  "results": [\n${results.map((result) => `    ${JSON.stringify(result)}`).join(",\n")}\n  ]\n}\n`;
}

/**
 * Results with those of further reports in place of older ones of the same scenario, in the order of the scenarios. What
 * no scenario has (any more) is left out.
 *
 * @throws RangeError for a report of a fraction of the models, of another budget or other floors than the defaults,
 * or of one configured model.
 */
export function keptResults(before: KeptResults, reports: readonly SimulationReport[]): KeptResults {
  const newest = new Map(before.results.map((result) => [keyOf(result), result]));
  for (const { quick, monitoring, configured, seed, results } of reports) {
    if (configured !== undefined) throw new RangeError("a report of one configured model is not published");
    if (quick) throw new RangeError("a report of the short form is not published: its intervals are too wide");
    if (!isDeepStrictEqual(monitoring, defaultMonitoring)) {
      throw new RangeError("a report of another budget or other floors than the defaults is not published");
    }
    for (const result of results) newest.set(keyOf(result), { seed, ...result });
  }
  return { results: ordered.flatMap((key) => newest.get(key) ?? []).filter(isOfPresentStream) };
}

const keyOf = ({ scenario, peer }: Pick<ScenarioResult, "scenario" | "peer">) => JSON.stringify([scenario, peer]);
const ordered = [null, ...peerRules.map(({ name }) => name)].flatMap((peer) =>
  scenarios.map(({ name }) => keyOf({ scenario: name, peer })),
);

/** A scenario that has changed since it was measured is a scenario that was not measured. */
function isOfPresentStream({ scenario, features, referenceRows, rows }: ScenarioResult): boolean {
  const present = scenarios.find(({ name }) => name === scenario);
  if (present === undefined) return false;
  return isDeepStrictEqual(
    { features: present.stream.features, ...comparedRows(present) },
    { features, referenceRows, rows },
  );
}

/** `docs/measured.md`: every kept result as a row. */
export function measuredPage({ results }: KeptResults): string {
  const own = results.filter(({ peer }) => peer === null);
  const isRate = ({ measured }: ScenarioResult) => measured[0]?.what === measures.falseIncidents;
  const isDelay = ({ kind }: ScenarioResult) => kind === "delay";
  const sections = [
    section("False incidents", rateText, ratesTable(own.filter(isRate))),
    section("Delay", delayText, delaysTable(own.filter(isDelay))),
    section(
      "One change, one finding; the floor; others",
      otherText,
      othersTable(own.filter((one) => !isRate(one) && !isDelay(one))),
    ),
    section("Other tools' rules on the same streams", peerText, peersTable(results)),
  ];
  const missing = scenarios.filter(({ name }) => own.every(({ scenario }) => scenario !== name));
  const not = missing.map(({ name }) => `\`${name}\``).join(", ");
  return `<!-- Written by \`node app/config/publish.ts\` from docs/measured.json; a test compares. -->

# Measured

What \`leeway simulate\` measured with the default budget and floors, each number with its 95 % interval. [decisions.md](decisions.md) says how decisions are made, and what is not promised.
Streams are in \`detectors/simulate/\`; a seed and a scenario give the same numbers on every machine.

    leeway simulate --json > report.json                # everything, some hours of CPU
    leeway simulate --scenarios iid,flag --json > report.json
    node app/simulation/publish.ts report.json          # into docs/measured.json, and this page
${sections.join("")}${not === "" ? "" : `\n## Not measured\n\nScenarios without a result as they are now: ${not}.\n`}`;
}

const rateText =
  "Incidents per model and week on traffic without drift; each model has its own reference. Messages: incidents, and what they grew by. The interval is from the spread over models, or exact for a Poisson count where that is wider; its upper end is held against the bar.";
const delayText =
  "Share of runs that had found the changed feature so soon, the change being there from the first window (Wilson's interval); the share itself is held against the bar.";
const otherText = "As each line says.";
const peerText =
  "Formula replicas of other tools' defaults, as their documentation gives them. Without drift: windows with at least one alert, per model and week of seven windows (what pages somebody), and in brackets column alerts. With a change: the share of runs that found the changed column. Below them Leeway's incidents.";

function section(title: string, text: string, table: string | null): string {
  return table === null ? "" : `\n## ${title}\n\n${text}\n\n${table}\n`;
}

function ratesTable(results: readonly KeptResult[]): string | null {
  return table(
    ["traffic", "scenario", "features", "N / n", "false incidents a week", "bar", "messages a week", "model-weeks"],
    results.map((result) => {
      const [incidents, ...more] = result.measured;
      const messages = more.find(({ what }) => what === measures.messages);
      return [
        result.title,
        `\`${result.scenario}\``,
        counted(result.features),
        sizes(result),
        incidents === undefined ? "–" : shown(incidents),
        incidents === undefined ? "–" : barText(incidents),
        messages === undefined ? "–" : messages.value.toFixed(3),
        counted(result.modelWeeks ?? 0),
      ];
    }),
  );
}

function delaysTable(results: readonly KeptResult[]): string | null {
  const windowsOf = (mark: string) => Number(/\d+/.exec(mark)?.[0]);
  const marks = [...new Set(results.flatMap(({ measured }) => measured.map(({ what }) => what)))].toSorted(
    (a, b) => windowsOf(a) - windowsOf(b),
  );
  return table(
    ["change of one feature", "scenario", "N / n", ...marks, "bar", "runs"],
    results.map((result) => [
      result.title,
      `\`${result.scenario}\``,
      sizes(result),
      ...marks.map((mark) => {
        const measured = result.measured.find(({ what }) => what === mark);
        return measured === undefined ? "–" : shown(measured);
      }),
      result.measured
        .filter(({ bar }) => bar !== null)
        .map((measured) => `${measured.what.replace(/^found (in|within) /, "")}: ${barText(measured)}`)
        .join("; ") || "–",
      counted(result.models),
    ]),
  );
}

function othersTable(results: readonly KeptResult[]): string | null {
  return table(
    ["traffic", "scenario", "N / n", "measured", "value", "bar", "sample"],
    results.flatMap((result) =>
      result.measured.map((measured) => [
        result.title,
        `\`${result.scenario}\``,
        sizes(result),
        measured.what,
        shown(measured),
        barText(measured),
        result.modelWeeks === null ? `${counted(result.models)} runs` : `${counted(result.modelWeeks)} model-weeks`,
      ]),
    ),
  );
}

/** A line a rule, a column a stream. */
function peersTable(results: readonly KeptResult[]): string | null {
  const peers = results.filter(({ peer }) => peer !== null);
  const streams = [...new Set(peers.map(({ scenario }) => scenario))];
  const cells = (of: readonly KeptResult[], cell: (result: KeptResult) => string) =>
    streams.map((stream) => {
      const result = of.find(({ scenario }) => scenario === stream);
      return result === undefined ? "–" : cell(result);
    });
  const marksOf = ({ measured }: KeptResult) => measured.map(({ value }) => short(value)).join(" · ");
  const alerts = (result: KeptResult) => {
    const [windows, columns] = result.measured;
    if (result.kind === "delay" || windows === undefined || columns === undefined) return marksOf(result);
    return `${short(windows.value)} (${short(columns.value)})`;
  };
  const own = results.filter(({ peer }) => peer === null);
  const rows = [...new Set(peers.map(({ peer }) => peer))].map((peer) => [
    peer ?? "",
    ...cells(
      peers.filter((result) => result.peer === peer),
      alerts,
    ),
  ]);
  const ours = cells(
    own,
    (result) => `**${result.kind === "delay" ? marksOf(result) : short(result.measured[0]?.value ?? 0)}**`,
  );
  const heads = cells(peers, ({ kind, scenario, measured }) => {
    const marks = measured.map(({ what }) => what.replace(/^found (in|within) /, "")).join(" · ");
    return kind === "delay" ? `\`${scenario}\`: ${marks}` : `\`${scenario}\``;
  });
  return table(["rule", ...heads], rows.length === 0 ? [] : [...rows, ["**Leeway** (incidents)", ...ours]]);
}

const counted = (count: number) => count.toLocaleString("en-GB");
const sizes = ({ referenceRows, rows }: ScenarioResult) => `${counted(referenceRows)} / ${counted(rows)}`;
const shown = ({ value, low, high }: Measured) => `${value.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
const short = (value: number) =>
  value === 0 ? "0" : value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3);

function barText({ bar, verdict }: Measured): string {
  if (bar === null) return "–";
  const limit = `${bar.kind === "at_most" ? "≤" : "≥"} ${Number(bar.value.toPrecision(3))}`;
  return verdict === "held" ? `${limit} held` : `${limit} **${verdict}**`;
}

/** A Markdown table; null without rows. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string | null {
  if (rows.length === 0) return null;
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}
