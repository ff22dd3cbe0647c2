import { describe, expect, test } from "vitest";
import { dayMs } from "../../core/window.ts";
import { performanceAlpha } from "../decisions/budget.ts";
import type { MetricSample } from "./judged-metrics.ts";
import { metricReference } from "./metric-evidence.ts";
import { createPerformanceDecider } from "./performance-decider.ts";
import type { PerformanceMemory, PerformanceReference, PerformanceWindow } from "./performance-decider.ts";

const startMs = Date.UTC(2026, 0, 5);
const decider = createPerformanceDecider({
  environment: "production",
  model: "m",
  baselineId: "b",
  windowMs: dayMs,
  windowsPerWeek: 7,
  horizon: 7,
  falseIncidentsPerModelWeek: 0.05,
  performance: {
    minCoverage: 0.5,
    metrics: [
      { metric: "accuracy", minChange: 0.02 },
      { metric: "roc_auc", minChange: 0.02 },
    ],
  },
});

const rows = 1000;
const right = (value: number): MetricSample => ({ rows, value, variance: value * (1 - value) });
const reference: PerformanceReference = {
  coverage: 0.8,
  metrics: {
    accuracy: metricReference(Array.from({ length: 28 }, () => right(0.9)))!,
    roc_auc: metricReference(Array.from({ length: 28 }, () => ({ rows, value: 0.8, variance: 0.2 })))!,
  },
};

interface Day {
  readonly accuracy?: number;
  readonly area?: number;
  readonly labelled?: number;
  readonly version?: string;
  readonly incident?: PerformanceWindow["incident"];
}

const windowOf = (day: number, of: Day): PerformanceWindow => ({
  window: { startMs: startMs + day * dayMs, endMs: startMs + (day + 1) * dayMs },
  incident: of.incident ?? null,
  versions: [
    {
      version: of.version ?? "1",
      rows: 1250,
      labelled: of.labelled ?? rows,
      metrics: { accuracy: right(of.accuracy ?? 0.9), roc_auc: { rows, value: of.area ?? 0.8, variance: 0.2 } },
    },
  ],
});

function decide(days: readonly Day[], memory: PerformanceMemory = decider.initialMemory()) {
  const steps = [];
  for (const [day, of] of days.entries()) {
    const step = decider.step(memory, windowOf(day, of), reference);
    // It is stored as JSON.
    memory = JSON.parse(JSON.stringify(step.memory)) as PerformanceMemory;
    steps.push(step);
  }
  return steps;
}

const states = (steps: ReturnType<typeof decide>) =>
  steps.map(({ decisions }) => decisions.map(({ state }) => state).join(" "));

describe("deciding on performance", () => {
  test("a fall opens one finding of its metric in its window; calm windows close it", () => {
    const steps = decide([{}, { accuracy: 0.7 }, ...Array.from({ length: 12 }, () => ({}))]);
    expect(states(steps).slice(0, 3)).toEqual(["ok ok", "drift ok", "drift ok"]);
    expect(states(steps).at(-1)).toBe("ok ok");
    const found = new Set(steps.flatMap(({ findings }) => findings.map(({ findingId }) => findingId)));
    expect(found.size).toBe(1);
    const closed = steps.flatMap(({ findings }) => findings.filter(({ closedIndex }) => closedIndex !== null));
    expect(closed).toHaveLength(1);
    expect(closed[0]).toMatchObject({ openedWindowStartMs: startMs + dayMs, metric: "accuracy" });
  });

  test("a fall too small for one window is found by the last windows together", () => {
    const steps = decide(Array.from({ length: 7 }, () => ({ accuracy: 0.865 })));
    const [opened] = steps.flatMap(({ findings }) => findings);
    expect(steps[0]!.findings).toEqual([]);
    expect(opened).toMatchObject({ horizon: "long", metric: "accuracy" });
  });

  test("a window with less than half of the baseline's coverage is not judged, and keeps an open finding open", () => {
    const steps = decide([{ accuracy: 0.5, labelled: 400 }, { accuracy: 0.7 }, { labelled: 499 }, { labelled: 501 }]);
    expect(states(steps)).toEqual([
      "insufficient_data insufficient_data",
      "drift ok",
      "insufficient_data insufficient_data",
      "drift ok",
    ]);
    expect(steps[2]!.findings[0]).toMatchObject({ calm: 0, closedIndex: null });
  });

  test("metrics that fall within the horizon are one incident, with the model's own if that began around then", () => {
    const [, alone, both] = decide([{}, { accuracy: 0.7 }, { accuracy: 0.7, area: 0.6 }]);
    expect(new Set(both!.findings.map(({ incidentId }) => incidentId))).toEqual(
      new Set([alone!.findings[0]!.incidentId]),
    );
    const joined = decide([{ accuracy: 0.7, incident: { incidentId: "inputs", windowsAgo: 3 } }, { area: 0.6 }]);
    expect(joined[1]!.findings.map(({ incidentId }) => incidentId)).toEqual(["inputs", "inputs"]);
  });

  test("a version that went out of service closes its findings; another one is judged on its own", () => {
    const next = Array.from({ length: 8 }, () => ({ version: "2" }));
    const steps = decide([{ accuracy: 0.7 }, ...next]);
    expect(steps.at(-1)!.findings).toMatchObject([{ closedIndex: 9, series: { version: "1" } }]);
    expect(steps.at(-1)!.decisions.map(({ series, state }) => [series.version, state])).toEqual([
      ["2", "ok"],
      ["2", "ok"],
    ]);
  });

  test("thresholds of all metrics, versions and horizons of a window add up to performance's part of the budget", () => {
    const twoVersions = windowOf(0, {});
    const [one] = twoVersions.versions;
    const window = { ...twoVersions, versions: [one!, { ...one!, version: "2" }] };
    const first = decider.step(decider.initialMemory(), window, reference);
    const second = decider.step(first.memory, { ...windowOf(1, {}), versions: window.versions }, reference);
    const short = second.decisions.map(({ evidence, horizon }) => [horizon, evidence!.threshold] as const);
    const alpha = performanceAlpha({ falseIncidentsPerModelWeek: 0.05, windowsPerWeek: 7 });
    expect(alpha).toBeCloseTo((0.05 / 7) * 0.95 * 0.05, 12);
    for (const [horizon, threshold] of short) {
      expect(threshold).toBeCloseTo((alpha / 4) * (horizon === "short" ? 0.6 : 0.4), 12);
    }
  });

  test("the same windows give the same result, whatever was decided between", () => {
    const days = [{}, { accuracy: 0.7 }, { area: 0.6 }, {}, { accuracy: 0.95 }];
    const whole = decide(days).at(-1)!;
    const before = decide(days.slice(0, 4)).at(-1)!.memory;
    const again = decider.step(before, windowOf(4, days[4]!), reference);
    expect(JSON.stringify(again)).toBe(JSON.stringify(whole));
  });
});
