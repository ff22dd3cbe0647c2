import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { CohortSpec } from "../../core/model.ts";
import { dayMs, hourMs } from "../../core/window.ts";
import { cohortExpressions } from "./cohort-expressions.ts";
import { writeFeatureSchemas } from "./feature-schemas.ts";
import { sliceValues } from "./slice-values.ts";
import { createTestDatabase } from "./test-database.ts";
import { generateEvents } from "./test-events.ts";

// A Monday in winter: Oslo is an hour ahead of UTC.
const mondayMs = Math.floor((Date.UTC(2026, 0, 5) - 4 * dayMs) / (7 * dayMs)) * 7 * dayMs + 4 * dayMs;
const features = [
  { name: "name", type: "categorical", unit: null },
  { name: "floor", type: "numeric", unit: null },
] as const;
const schema = createFeatureSchema("m", [
  { name: "name", type: "categorical" },
  { name: "floor", type: "numeric" },
]);

test("cohorts are carried by events, are features, or are computed from them", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], mondayMs);
  // Two days of an event an hour; names grow longer, every fourth is missing.
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: mondayMs,
    stepMs: hourMs,
    count: 48,
    cat: ["if(i % 4 = 3, NULL, repeat('ø', i % 4 * 4))"],
    num: ["intDiv(i, 24)"],
    cohorts: { region: "if(i < 30, 'north', 'south')" },
  });
  const valuesOf = async (cohort: CohortSpec, zone = "UTC") => {
    const [expression] = cohortExpressions([cohort], features, [schema], zone);
    const scope = { environment: "production", model: "m", fromMs: mondayMs, toMs: mondayMs + 2 * dayMs };
    const found = await sliceValues(facts, scope, { cohort: expression!, minRows: 1, limit: 50 });
    return Object.fromEntries(found.map(({ value, rows }) => [value, rows]));
  };

  expect(await valuesOf({ attribute: "region", watch: false })).toEqual({ north: 30, south: 18 });
  expect(await valuesOf({ attribute: "floor", watch: false })).toEqual({ 0: 24, 1: 24 });
  expect(await valuesOf({ attribute: "day", watch: false, derive: { kind: "weekday" } })).toEqual({ Mon: 24, Tue: 24 });
  expect(await valuesOf({ attribute: "day", watch: false, derive: { kind: "weekday" } }, "Europe/Oslo")).toEqual({
    Mon: 23,
    Tue: 24,
    Wed: 1,
  });
  expect(await valuesOf({ attribute: "hour", watch: false, derive: { kind: "hour_band" } })).toEqual({
    "00-06": 12,
    "06-12": 12,
    "12-18": 12,
    "18-24": 12,
  });
  const length: CohortSpec = { attribute: "name_length", watch: false, derive: { kind: "length", feature: "name" } };
  expect(await valuesOf(length)).toEqual({ "0": 12, "1-5": 12, "6-10": 12 });
  expect(await valuesOf({ attribute: "nowhere", watch: false })).toEqual({});
});
