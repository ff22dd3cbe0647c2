import { describe, expect, test } from "vitest";
import { measuredOf, measuredPeer, type SimulationReport } from "../../detectors/simulate/measured.ts";
import type { Run } from "../../detectors/simulate/run.ts";
import { scenarioNamed, scenarios } from "../../detectors/simulate/scenarios.ts";
import { defaultMonitoring } from "./default-monitoring.ts";
import { keptResults, keptResultsText, measuredPage, readKeptResults, type KeptResults } from "./measured-page.ts";

const nothing: KeptResults = { results: [] };
const run: Run = { incidents: 0, growths: 0, worsened: 0, findings: 1, foundIn: 1 };
const runs = (count: number, more: (index: number) => Partial<Run>): Run[] =>
  Array.from({ length: count }, (_, index) => ({ ...run, ...more(index) }));

function resultOf(scenario: string, of: readonly Run[]) {
  return measuredOf(scenarioNamed(scenario), of, defaultMonitoring, defaultMonitoring);
}

function report(results: SimulationReport["results"], more: Partial<SimulationReport> = {}): SimulationReport {
  return { seed: 1, quick: false, monitoring: defaultMonitoring, seconds: 1, results, ...more };
}

const every20th = runs(500, (index) => ({ incidents: Number(index % 20 === 0) }));
const lineOf = (page: string, scenario: string) =>
  page.split("\n").find((line) => line.includes(`| \`${scenario}\` |`));

describe("the page of what was measured", () => {
  test("has a row with N / n, rate, interval, bar and model-weeks for a scenario without drift", () => {
    const page = measuredPage(keptResults(nothing, [report([resultOf("iid", every20th)])]));
    expect(lineOf(page, "iid")).toBe(
      "| independent rows | `iid` | 20 | 10,000 / 1,000 | 0.013 (0.008–0.018) | ≤ 0.06 held | 0.013 | 2,000 |",
    );
  });

  test("has the windows of a delay as columns, and a dash where a scenario has no such mark", () => {
    const found = runs(100, (index) => ({ foundIn: index < 90 ? 1 : 2 }));
    const page = measuredPage(
      keptResults(nothing, [report([resultOf("mean-0.2", found), resultOf("mean-0.5", found)])]),
    );
    expect(page).toContain("| found in window 1 | found within 2 windows | found within 7 windows |");
    expect(lineOf(page, "mean-0.2")).toContain("| 0.900 (0.826–0.945) | 1.000 (0.963–1.000) | 1.000 (0.963–1.000) |");
    expect(lineOf(page, "mean-0.5")).toMatch(/\| – \| – \| window 1: ≥ 0.995 \*\*(open|broken)\*\* \| 100 \|$/);
  });

  test("holds other rules against Leeway's incidents, a column a stream", () => {
    const iid = scenarioNamed("iid");
    const alerts = measuredPeer("never fire", iid, every20th);
    const page = measuredPage(keptResults(nothing, [report([resultOf("iid", every20th), alerts])]));
    expect(page).toContain("| rule | `iid` |");
    expect(page).toContain("| never fire | 0.013 (0.013) |");
    expect(page).toContain("| **Leeway** (incidents) | **0.013** |");
  });

  test("names what was not measured", () => {
    const page = measuredPage(keptResults(nothing, [report([resultOf("iid", every20th)])]));
    const [, missing = ""] = page.split("## Not measured");
    expect(missing).not.toContain("`iid`");
    for (const { name } of scenarios.filter((one) => one.name !== "iid")) expect(missing).toContain(`\`${name}\``);
  });
});

describe("what is kept", () => {
  const first = keptResults(nothing, [report([resultOf("iid", every20th), resultOf("flag", every20th)])]);

  test("is the newest result of a scenario; the others stay", () => {
    const again = keptResults(first, [report([resultOf("iid", every20th.slice(0, 100))], { seed: 2 })]);
    expect(again.results.map(({ scenario, seed, models }) => [scenario, seed, models])).toEqual([
      ["iid", 2, 100],
      ["flag", 1, 500],
    ]);
  });

  test("is nothing of a stream that has changed since, or of a scenario that is gone", () => {
    const [iid] = first.results;
    expect(keptResults({ results: [{ ...iid!, rows: 999 }] }, []).results).toEqual([]);
    expect(keptResults({ results: [{ ...iid!, scenario: "gone" }] }, []).results).toEqual([]);
  });

  test("is nothing of the short form, of another budget or of other floors", () => {
    const results = [resultOf("iid", every20th)];
    expect(() => keptResults(nothing, [report(results, { quick: true })])).toThrow(RangeError);
    const monitoring = { ...defaultMonitoring, effectFloor: 0.1 };
    expect(() => keptResults(nothing, [report(results, { monitoring })])).toThrow(RangeError);
  });

  test("comes back from its text, and docs/measured.json is of the scenarios as they are", () => {
    expect(JSON.parse(keptResultsText(first))).toEqual(first);
    expect(keptResults(readKeptResults(), [])).toEqual(readKeptResults());
  });
});
