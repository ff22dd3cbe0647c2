import { readFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFacts, type Facts } from "../facts/client.ts";
import { findEngine, startEngine, type Engine } from "./engine.ts";

let dataDir: string;
let engine: Engine;
let facts: Facts;
let reader: Facts;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "leeway-engine-test-"));
  engine = await startEngine({ dataDir });
  facts = createFacts({ url: engine.url, token: engine.token });
  reader = createFacts({ url: engine.url, token: engine.readerToken });
  await facts.command(
    "CREATE TABLE t (x UInt64, s String) ENGINE = MergeTree ORDER BY x SETTINGS non_replicated_deduplication_window = 100",
  );
});

afterAll(async () => {
  await facts[Symbol.asyncDispose]();
  await reader[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

const eventually = async <Value>(attempt: () => Promise<Value>): Promise<Value> => {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error as { retryable?: boolean }).retryable) throw error;
    }
  }
};

test("engine.json is readable by its owner alone and leads other processes to the engine", async () => {
  expect((await stat(join(dataDir, "engine.json"))).mode & 0o777).toBe(0o600);
  expect(await findEngine(dataDir)).toEqual({ url: engine.url, token: engine.token, readerToken: engine.readerToken });
  expect(await findEngine(join(dataDir, "nowhere"))).toBeNull();
});

test("one data directory belongs to one engine", async () => {
  await expect(startEngine({ dataDir })).rejects.toThrow(/is already served by the engine at http:\/\/127\.0\.0\.1/);
});

test("a value that holds a blank line and SQL is stored to the letter", async () => {
  const s = "first\n\nDROP TABLE t;\n\nINSERT INTO t VALUES (9, 'x')";
  await facts.insertRows("t", [{ x: 1, s }], "blank line");
  expect(await facts.query("SELECT s FROM t WHERE x = 1")).toEqual([{ s }]);
  expect(await facts.query("SELECT {s:String} AS s", { s })).toEqual([{ s }]);
});

test("the same token is the same insert; another token, or none, is another", async () => {
  const rows = [{ x: 2, s: "twice" }];
  await facts.insertRows("t", rows, "a");
  await facts.insertRows("t", rows, "a");
  await facts.insertRows("t", rows, "b");
  await facts.insertRows("t", rows, null);
  await facts.insertRows("t", rows, null);
  expect(await facts.query("SELECT count() AS stored FROM t WHERE x = 2")).toEqual([{ stored: 4 }]);
});

test("a file becomes rows through input()", async () => {
  const path = join(dataDir, "rows.csv");
  await writeFile(path, 'number,text\n31,"a\n\nb"\n32,c\n');
  const statement = "INSERT INTO t (x, s) SELECT number, upper(text) FROM input('number UInt64, text String')";
  await facts.insertFile({ statement, path, format: "CSVWithNames", token: "file" });
  await facts.insertFile({ statement, path, format: "CSVWithNames", token: "file" });
  expect(await facts.query("SELECT x, s FROM t WHERE x IN (31, 32) ORDER BY x")).toEqual([
    { x: 31, s: "A\n\nB" },
    { x: 32, s: "C" },
  ]);
});

const refused = [
  "INSERT INTO t VALUES (1, 'x')",
  "DROP TABLE t",
  "ALTER TABLE t DELETE WHERE 1",
  "CREATE TABLE q (x UInt8) ENGINE = Memory",
  "SET readonly = 0",
  "SELECT 1; DROP TABLE t",
  "SELECT 1 SETTINGS readonly = 0",
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT file('/etc/passwd')",
  "SELECT /* x */ FiLe\n('/etc/passwd')",
  "SELECT `file`('/etc/passwd')",
  "WITH file('/etc/passwd') AS x SELECT x",
  "DESCRIBE TABLE file('/etc/passwd', 'LineAsString')",
  "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
  "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV')",
  "SELECT * FROM remote('127.0.0.1', 'system.one')",
  "SELECT 1 INTO OUTFILE '/tmp/leeway-reader-out'",
  "SYSTEM SHUTDOWN",
  "INSERT INTO FUNCTION file('/tmp/leeway-reader-out', 'CSV', 'x UInt8') SELECT 1",
  "KILL QUERY WHERE 1",
  "-- a comment\nDROP TABLE t",
];

test.each(refused)("the reader's token refuses: %s", async (sql) => {
  await expect(reader.command(sql)).rejects.toMatchObject({ code: "store_rejected" });
});

test("the reader reads, with parameters, and strings that only look dangerous pass", async () => {
  expect(await reader.query("SELECT 'file(''/etc/passwd'')' AS s, {n:Int64} AS n", { n: 5 })).toEqual([
    { s: "file('/etc/passwd')", n: 5 },
  ]);
  expect(await reader.query("SELECT 1 AS one -- file('x')")).toEqual([{ one: 1 }]);
});

test("a wrong token is refused by name", async () => {
  await using stranger = createFacts({ url: engine.url, token: "guess" });
  await expect(stranger.query("SELECT 1")).rejects.toThrow(/token is not the engine's/);
});

test("errors say whether trying again may help", async () => {
  await expect(facts.query("SELECT nothing_like_it")).rejects.toMatchObject({
    code: "store_rejected",
    retryable: false,
  });
  const memory = facts.query("SELECT groupArray(number) FROM numbers(10000000)", {}, { maxMemoryBytes: 10_000_000 });
  await expect(memory).rejects.toMatchObject({ code: "store_busy", retryable: true });
  await facts.command("CREATE TABLE p (x UInt64) ENGINE = MergeTree PARTITION BY x ORDER BY x");
  const manyPartitions = facts.command("INSERT INTO p SELECT number FROM numbers(200)");
  await expect(manyPartitions).rejects.toMatchObject({ code: "store_rejected", retryable: false });
  await using nowhere = createFacts({ url: "http://127.0.0.1:1" });
  await expect(nowhere.query("SELECT 1")).rejects.toMatchObject({ code: "store_unreachable", retryable: true });
});

test("an insert does not wait for a long query", async () => {
  let running = true;
  const long = facts
    .query("SELECT sum(sipHash64(number)) AS s FROM numbers(100000000) SETTINGS max_threads = 1")
    .finally(() => (running = false));
  await facts.insertRows("t", [{ x: 4, s: "beside" }], "beside");
  expect(running).toBe(true);
  await long;
});

test("SIGKILL loses no acknowledged row, and the engine comes back at the same address", async () => {
  for (let x = 1000; x < 1010; x += 1) await facts.insertRows("t", [{ x, s: "kept" }], `kept ${x}`);
  process.kill(engine.pid() ?? 0, "SIGKILL");
  const count = "SELECT count() AS stored FROM t WHERE s = 'kept'";
  expect(await eventually(() => facts.query(count))).toEqual([{ stored: 10 }]);
  // A client that did not hear the answer sends the same token again.
  await facts.insertRows("t", [{ x: 1009, s: "kept" }], "kept 1009");
  expect(await facts.query(count)).toEqual([{ stored: 10 }]);
});

test("what is stored is there after a stop and a start", async () => {
  const directory = await mkdtemp(join(tmpdir(), "leeway-engine-test-"));
  {
    await using first = await startEngine({ dataDir: directory });
    await using writer = createFacts({ url: first.url, token: first.token });
    await writer.command("CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x");
    await writer.insertRows("t", [{ x: 1 }], null);
  }
  expect(await findEngine(directory)).toBeNull();
  await expect(readFile(join(directory, "engine.json"))).rejects.toThrow(/ENOENT/);
  {
    await using second = await startEngine({ dataDir: directory });
    await using writer = createFacts({ url: second.url, token: second.token });
    expect(await writer.query("SELECT x FROM t")).toEqual([{ x: 1 }]);
  }
  await rm(directory, { recursive: true, force: true });
});
