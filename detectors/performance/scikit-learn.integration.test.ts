import { afterAll, beforeAll, expect, test } from "vitest";
import { dayMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { countPerformance, countPerformanceByWindow, type KnownTask } from "../../store/facts/performance.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import known from "./testing/scikit-learn.json" with { type: "json" };
import { windowMetrics } from "./window-metrics.ts";

const startMs = Date.UTC(2026, 2, 1);
const times = { labelDelayMs: dayMs, labelWindowMs: 2 * dayMs };
const tasks: Readonly<Record<string, KnownTask>> = {
  binary: { kind: "binary", positive: "yes", ...times },
  multiclass: { kind: "multiclass", ...times },
  regression: { kind: "regression", ...times },
};
const seconds = (ms: number) => (ms / 1000).toFixed(3);
type Row = readonly [
  result: number | Record<string, number> | null,
  decided: number | string | null,
  label: number | string | null,
  weight: number,
];
const yesOrNo = (value: number | string | null) => (value === null ? null : value === 1 ? "yes" : "no");

/** What of a row differs by task. */
function eventOf(task: string, [result, decided]: Row): object {
  if (task === "regression") return { prediction_num: result };
  if (task === "multiclass") return { scores: result, prediction_class: decided };
  return { scores: result === null ? {} : { yes: result }, prediction_class: yesOrNo(decided as number | null) };
}

function labelOf(task: string, label: number | string): object {
  if (task === "regression") return { label_num: label };
  return { label_class: task === "multiclass" ? label : yesOrNo(label) };
}

let facts: Facts;
beforeAll(async () => {
  facts = await createTestDatabase();
  for (const [index, { task, rows }] of known.cases.entries()) {
    const common = { environment: "production", model: `m${index}`, expires_on: "2149-06-01" };
    const all = rows as unknown as readonly Row[];
    await facts.insertRows(
      "events",
      all.map((row, at) => ({
        ...common,
        version: "v1",
        event_id: `e${at}`,
        event_time: seconds(startMs + at),
        weight: row[3],
        ...eventOf(task, row),
      })),
      null,
    );
    const labels = all.flatMap(([, , label], at) => (label === null ? [] : [{ at, label }]));
    await facts.insertRows(
      "labels",
      labels.map(({ at, label }) => ({
        ...common,
        event_id: `e${at}`,
        label_time: seconds(startMs + dayMs),
        offset: at,
        ...labelOf(task, label),
      })),
      null,
    );
  }
});
afterAll(() => facts[Symbol.asyncDispose]());

test.each(known.cases.map((one, index) => ({ ...one, index })))(
  "$task, $name: the metrics of stored events are scikit-learn's",
  async ({ index, task, rows, expected, scoresTied }) => {
    const scope = { environment: "production", model: `m${index}`, fromMs: startMs, toMs: startMs + dayMs };
    const [part] = await countPerformance(facts, scope, tasks[task]!);
    expect(part).toMatchObject({ rows: rows.length, labelled: rows.filter((row) => row[2] !== null).length });
    const [window] = await countPerformanceByWindow(facts, scope, tasks[task]!, [{ startMs, endMs: startMs + dayMs }]);
    // A version of a window, and the whole window of a baseline.
    for (const counts of [part!.counts, window!.counts]) {
      const found = windowMetrics({ ...part!, counts });
      for (const [name, value] of Object.entries(expected)) {
        const measured = found[name] ?? null;
        if (value === null) {
          expect(measured, name).toBeNull();
          continue;
        }
        // Scores that are closer than a thousandth of each other count as tied.
        const tolerance = (name === "roc_auc" || name === "pr_auc") && scoresTied === false ? 5e-4 : 1e-9;
        expect(Math.abs(measured!.value - value), `${name}: ${measured!.value} against ${value}`).toBeLessThanOrEqual(
          tolerance * Math.max(1, Math.abs(value)),
        );
        expect(measured!.low, name).toBeLessThanOrEqual(measured!.value);
        expect(measured!.high, name).toBeGreaterThanOrEqual(measured!.value);
        expect([measured!.low, measured!.high].every(Number.isFinite), name).toBe(true);
      }
      if (task === "binary" && !("log_loss" in expected)) expect(found).not.toHaveProperty("log_loss");
    }
  },
);
