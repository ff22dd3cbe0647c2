import { expect, test } from "vitest";
import { createFacts } from "./client.ts";
import { createTestDatabase } from "./test-database.ts";

/** A Native block of one UInt64 column: the number of columns and rows, then name, type and values of each. */
function nativeBlock(column: string, values: readonly number[]): Uint8Array {
  const text = (value: string) => [value.length, ...Buffer.from(value)];
  const head = Buffer.from([1, values.length, ...text(column), ...text("UInt64")]);
  return Buffer.concat([head, Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer)]);
}

test("a Native block is stored once per token", async () => {
  await using facts = await createTestDatabase();
  await facts.command(
    "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x SETTINGS non_replicated_deduplication_window = 100",
  );
  const block = { table: "t", columns: ["x"], body: nativeBlock("x", [1, 2, 3]) };
  await facts.insertBlock({ ...block, token: "a" });
  await facts.insertBlock({ ...block, token: "a" });
  await facts.insertBlock({ ...block, token: "b" });
  expect(await facts.query("SELECT count() AS stored, sum(x) AS total FROM t")).toEqual([{ stored: 6, total: 12 }]);
});

test("a table that deduplicates does not swallow identical rows that are new", async () => {
  await using facts = await createTestDatabase();
  const row = { environment: "production", model: "m", finding_id: "f", state: "open", finding: "{}" };
  await facts.insertRows("finding_history", [row], null);
  await facts.insertRows("finding_history", [row], null);
  expect(await facts.query("SELECT count() AS stored FROM finding_history")).toEqual([{ stored: 2 }]);
});

test("64-bit integers come as numbers, times as milliseconds when asked so", async () => {
  await using facts = await createTestDatabase();
  const ms = Date.UTC(2026, 2, 14, 10, 30, 0, 250);
  const sql = "SELECT toUInt64(5) AS n, toUnixTimestamp64Milli(fromUnixTimestamp64Milli({ms:Int64}, 'UTC')) AS ms";
  expect(await facts.query(sql, { ms })).toEqual([{ n: 5, ms }]);
});

test("too many parts is said to be busy, too many partitions in one block is said to be refused", async () => {
  await using facts = await createTestDatabase();
  await facts.command(
    `CREATE TABLE full (x UInt64) ENGINE = MergeTree ORDER BY x
    SETTINGS parts_to_throw_insert = 2, parts_to_delay_insert = 1, min_delay_to_insert_ms = 1, max_delay_to_insert = 1`,
  );
  await facts.command("SYSTEM STOP MERGES full");
  const filling = async () => {
    for (let x = 0; x < 5; x += 1) await facts.insertRows("full", [{ x }], null);
  };
  const parts = await filling().catch((error: unknown) => error);
  expect(parts).toMatchObject({ code: "store_busy", retryable: true, message: expect.stringContaining("(252)") });

  await facts.command("CREATE TABLE split (x UInt64) ENGINE = MergeTree PARTITION BY x ORDER BY x");
  const rows = Array.from({ length: 101 }, (_, x) => ({ x }));
  const partitions = await facts.insertRows("split", rows, null).catch((error: unknown) => error);
  expect(partitions).toMatchObject({
    code: "store_rejected",
    retryable: false,
    message: expect.stringContaining("(252)"),
  });
});

test.each([
  ["SELEC 1", "62"],
  ["SELECT * FROM no_such_table", "60"],
  ["SELECT no_such_column", "47"],
  ["SELECT toUInt8('x')", "6"],
])("refused for good: %s", async (sql, code) => {
  await using facts = await createTestDatabase();
  await expect(facts.query(sql)).rejects.toMatchObject({
    code: "store_rejected",
    retryable: false,
    message: expect.stringContaining(`(${code})`),
  });
});

test("no memory and no time are busy; nobody at the address is unreachable", async () => {
  await using facts = await createTestDatabase();
  const hungry = facts.query(
    "SELECT length(groupArray(number)) AS n FROM numbers(10000000)",
    {},
    { maxMemoryBytes: 10_000_000 },
  );
  await expect(hungry).rejects.toMatchObject({ code: "store_busy", retryable: true });
  const slow = facts.query(
    "SELECT sleepEachRow(1) FROM numbers(3)",
    {},
    {
      settings: { max_execution_time: 0.3, timeout_overflow_mode: "throw", max_block_size: 1 },
    },
  );
  await expect(slow).rejects.toMatchObject({ code: "store_busy", retryable: true });
  await using nobody = createFacts({ url: "http://127.0.0.1:1" });
  await expect(nobody.ping()).rejects.toMatchObject({ code: "store_unreachable", retryable: true });
});

test("an error never quotes the rows that caused it", async () => {
  await using facts = await createTestDatabase();
  await facts.command("CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x");
  const failure = await facts.insertRows("t", [{ x: "my secret value" }], null).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "store_rejected" });
  for (let error = failure as Error | undefined; error !== undefined; error = error.cause as Error | undefined) {
    expect(`${error.message} ${error.stack}`).not.toContain("secret");
  }
});
