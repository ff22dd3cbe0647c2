import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { dayMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { createBatchMaker, type DeadLetter } from "../partition-batch.ts";
import { createFileWriter, type FileRow } from "./file.ts";

async function writerOf(
  facts: Facts,
  sha256: string,
  { model = "m", kind = "events" as "events" | "labels", rowNumbers = 1_000 } = {},
) {
  const batchMaker = createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: await readFeatureSchemas(facts),
    caps: { maxModels: 10, maxFeatures: 10 },
    maxValueBytes: 100_000,
    maxEventAgeMs: 800 * dayMs,
    defaultRetentionDays: 90,
    clock: systemClock,
  });
  return createFileWriter({
    facts,
    batchMaker,
    kind,
    file: { sha256, model, environment: "production" },
    rowNumbers,
    clock: systemClock,
    persevere: (work) => work(),
  });
}

const month = 31 * dayMs;
/** Rows over several months. */
const rowsOf = (count: number, from = 0): FileRow[] =>
  Array.from({ length: count }, (_, index) => {
    const row = from + index;
    const event = { event_id: `e${row}`, model: "m", event_time: Date.now() - (row % 4) * month, features: { x: row } };
    return { row, message: JSON.stringify(event) };
  });

const counted = async (facts: Facts) => {
  const [row] = await facts.query<{ rows: number; different: number }>(
    "SELECT count() AS rows, uniqExact(event_id) AS different FROM events",
  );
  return row;
};
const drop = async () => {};

test("a file that comes again, or in other pages, adds nothing", async () => {
  await using facts = await createTestDatabase();
  const sha256 = randomUUID();
  const first = await writerOf(facts, sha256);
  expect(first.storedBefore).toBe(0);
  expect(await first.write(rowsOf(100), drop)).toEqual({ stored: 100, storedBefore: 0, refused: [] });

  const second = await writerOf(facts, sha256);
  expect(second.storedBefore).toBe(100);
  // It grew no rows: the pages are others, and overlap.
  expect(await second.write(rowsOf(70), drop)).toMatchObject({ stored: 0, storedBefore: 70 });
  expect(await second.write(rowsOf(80, 70), drop)).toMatchObject({ stored: 50, storedBefore: 30 });
  expect(await counted(facts)).toEqual({ rows: 150, different: 150 });
});

test("two that write the same rows at once store them once", async () => {
  await using facts = await createTestDatabase();
  const sha256 = randomUUID();
  // Neither knows of the other: both begin before a row is there.
  const writers = await Promise.all([writerOf(facts, sha256), writerOf(facts, sha256), writerOf(facts, sha256)]);
  await Promise.all(writers.map((writer) => writer.write(rowsOf(200), drop)));
  expect(await counted(facts)).toEqual({ rows: 200, different: 200 });
});

test("the same content is another file for another model, another kind, another environment", async () => {
  await using facts = await createTestDatabase();
  const sha256 = randomUUID();
  await (await writerOf(facts, sha256, { model: "a" })).write(rowsOf(10), drop);
  expect((await writerOf(facts, sha256, { model: "b" })).storedBefore).toBe(0);
  expect((await writerOf(facts, sha256, { kind: "labels" })).storedBefore).toBe(0);
  expect((await writerOf(facts, sha256, { model: "a" })).storedBefore).toBe(10);
});

test("a row that was refused gets another chance, and is kept with its reason before anything is stored", async () => {
  await using facts = await createTestDatabase();
  const sha256 = randomUUID();
  const rows = [
    ...rowsOf(3),
    { row: 3, message: "{" },
    { row: 4, message: JSON.stringify({ model: "m", event_id: "late" }) },
  ];
  const kept: DeadLetter[] = [];
  const writer = await writerOf(facts, sha256);
  await expect(
    writer.write(rows, async () => {
      throw new Error("no space left");
    }),
  ).rejects.toThrow("no space left");
  expect(await counted(facts)).toMatchObject({ rows: 0 });

  const outcome = await writer.write(rows, async (letters) => void kept.push(...letters));
  expect(outcome).toMatchObject({ stored: 3, storedBefore: 0 });
  expect(kept.map((letter) => [writer.rowOf(letter), letter.reason])).toEqual([
    [3, "malformed_json"],
    [4, "time_missing"],
  ]);
  const letters = await facts.query("SELECT reason, value FROM dead_letters FINAL ORDER BY offset");
  expect(letters).toMatchObject([{ reason: "malformed_json", value: "{" }, { reason: "time_missing" }]);

  const again = await writerOf(facts, sha256);
  const mended = [...rowsOf(3), ...rowsOf(2, 3)];
  expect(await again.write(mended, drop)).toEqual({ stored: 2, storedBefore: 3, refused: [] });
});
