import { readFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
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
  const second = startEngine({ dataDir });
  await expect(second).rejects.toThrow(/is already served by the engine at http:\/\/127\.0\.0\.1/);
  await expect(second).rejects.toMatchObject({ code: "engine_running" });
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
  // By another name, escape or way of calling.
  "SELECT `f\\x69le`('/etc/passwd')",
  "SELECT arrayMap(file, ['/etc/passwd'])",
  "SELECT arrayMap(`file`, ['/etc/passwd'])",
  "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
  "SELECT $x$ ' $x$, file('/etc/passwd'), $x$ ' $x$",
  "SELECT 1 WHERE '/etc/passwd' IN file('/etc/passwd', 'LineAsString')",
  "DESCRIBE TABLE (SELECT * FROM file('/etc/passwd', 'LineAsString'))",
  "DESC url('http://127.0.0.1:1/', 'LineAsString', 'x String')",
  "EXPLAIN SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "EXPLAIN AST SELECT 1 INTO OUTFILE '/tmp/leeway-reader-out'",
  "SELECT 1 // ' \n INTO OUTFILE '/tmp/leeway-reader-out'",
  "(SELECT 1) UNION ALL SELECT 1 INTO OUTFILE '/tmp/leeway-reader-out'",
  "SHOW TABLES INTO OUTFILE '/tmp/leeway-reader-out'",
  "SELECT * FROM `/etc/passwd`",
  "SELECT * FROM default.`/etc/passwd`",
  "DESCRIBE TABLE `/etc/passwd`",
  "DESCRIBE TABLE `v_x/../../../../../../../../etc/passwd`",
  "EXISTS TABLE `/etc/passwd`",
  "SHOW CREATE TABLE `/etc/passwd`",
  "DESCRIBE TABLE (SELECT * FROM `/etc/passwd`)",
  "EXPLAIN SELECT * FROM `/etc/passwd`",
  "EXPLAIN ESTIMATE SELECT * FROM `/etc/passwd`",
  "DESCRIBE TABLE `engine.json`",
  "DESCRIBE TABLE `../engine.json`",
  "SELECT * FROM view(SELECT * FROM file('/etc/passwd', 'LineAsString'))",
  "WITH x AS (SELECT file('/etc/passwd')) SELECT * FROM x",
  "SELECT * FROM merge('default', '.*') WHERE file('/etc/passwd') != ''",
  "SELECT * FROM executable('cat', 'LineAsString', 'x String')",
  "SELECT * FROM sqlite('/tmp/leeway-reader-out', 't')",
  "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
  "SELECT * FROM cluster('default', system.one)",
  "SELECT catboostEvaluate('/etc/passwd', 1)",
  "SELECT * FROM numbers(3) SETTINGS max_execution_time = 0",
  "SELECT 1 FORMAT TSV SETTINGS max_memory_usage = 0",
  "CREATE TEMPORARY TABLE q (x UInt8)",
  "BACKUP DATABASE default TO File('/tmp/leeway-reader-out')",
  "USE system",
  "EXECUTE AS default SELECT 1",
  "CREATE FUNCTION f AS () -> 1",
  "OPTIMIZE TABLE t FINAL",
  "TRUNCATE TABLE t",
  "",
];

test.each(refused)("the reader's token refuses: %s", async (sql) => {
  await expect(reader.command(sql)).rejects.toMatchObject({ code: "store_rejected" });
});

test("no attempt of a reader left a trace", async () => {
  expect(existsSync("/tmp/leeway-reader-out")).toBe(false);
  expect(await facts.query("EXISTS TABLE t")).toEqual([{ result: 1 }]);
});

test("a reader's query ends at its limits, and takes no other settings", async () => {
  const hungry = reader.query("SELECT length(groupArray(number)) AS n FROM numbers(200000000)");
  await expect(hungry).rejects.toMatchObject({ code: "store_busy" });
  const more = reader.query("SELECT 1", {}, { maxMemoryBytes: 2_000_000_000 });
  await expect(more).rejects.toThrow(/max_memory_usage/);
  await expect(reader.insertRows("t", [{ x: 1, s: "" }], null)).rejects.toMatchObject({ code: "store_rejected" });
});

test("a parameter that a statement forgot is an error, not the value of an earlier statement", async () => {
  for (const one of [facts, reader]) {
    await one.query("SELECT {forgotten:String} AS s", { forgotten: "earlier" });
    for (let turn = 0; turn < 5; turn += 1) {
      await expect(one.query("SELECT {forgotten:String} AS s")).rejects.toThrow(/forgotten/);
    }
  }
});

test("settings last for one statement", async () => {
  const size = "SELECT getSetting('max_block_size') AS size, getSetting('max_threads') AS threads";
  const [before] = await facts.query(size);
  expect(await facts.query(size, {}, { settings: { max_block_size: 77, max_threads: 1 } })).toEqual([
    { size: 77, threads: 1 },
  ]);
  expect(await Promise.all(Array.from({ length: 8 }, () => facts.query(size)))).toEqual(Array(8).fill([before]));
});

test("parameters of every shape arrive as they were", async () => {
  const nasty = "tab\t newline\n\nquote ' \" ` backslash \\ \\n {x:String} 🛫 \r \u0007";
  const long = nasty.repeat(2000);
  const sql =
    "SELECT {s:String} AS s, {a:Array(String)} AS a, {n:Int64} AS n, {f:Float64} AS f, {o:Nullable(String)} AS o";
  for (const s of [nasty, long, ""]) {
    const values = { s, a: [s, "b"], n: -5, f: 0.1, o: null };
    expect(await facts.query(sql, values)).toEqual([values]);
  }
});

test("rows in a statement are taken out of it, several statements at once are refused", async () => {
  await facts.command("INSERT INTO t (x, s) VALUES (50, 'a\n\nDROP TABLE t'), (51, ';')");
  await facts.command('INSERT INTO t (x, s) FORMAT JSONEachRow {"x": 52, "s": "c"}');
  expect(await facts.query("SELECT x, s FROM t WHERE x BETWEEN 50 AND 59 ORDER BY x")).toEqual([
    { x: 50, s: "a\n\nDROP TABLE t" },
    { x: 51, s: ";" },
    { x: 52, s: "c" },
  ]);
  await expect(facts.command("SELECT 1; DROP TABLE t")).rejects.toThrow(/Multi-statements/);
});

test("curl and Grafana get in too: Basic credentials, gzip both ways, a body of rows", async () => {
  const basic = `Basic ${Buffer.from(`anyone:${engine.token}`).toString("base64")}`;
  const insert = await fetch(`${engine.url}/?query=${encodeURIComponent("INSERT INTO t (x, s) FORMAT CSV")}`, {
    method: "POST",
    headers: { authorization: basic, "content-encoding": "gzip" },
    body: gzipSync("60,zipped\n"),
  });
  expect(insert.status).toBe(200);
  const answer = await fetch(
    `${engine.url}/?enable_http_compression=1&query_id=q-1&query=SELECT+s+FROM+t+WHERE+x%3D60`,
    {
      headers: { authorization: basic, "accept-encoding": "gzip" },
    },
  );
  expect(answer.headers.get("content-encoding")).toBe("gzip");
  expect(answer.headers.get("x-clickhouse-query-id")).toBe("q-1");
  expect(await answer.text()).toBe("zipped\n");
  const wrong = await fetch(engine.url, { method: "POST", headers: { authorization: basic }, body: "SELECT nope" });
  expect([wrong.status, wrong.headers.get("x-clickhouse-exception-code")]).toEqual([500, "47"]);
});

test("many clients at once all get their own answers", async () => {
  const asked = Array.from({ length: 100 }, (_, n) => n);
  const answers = await Promise.all(asked.map((n) => facts.query<{ n: number }>("SELECT {n:Int64} AS n", { n })));
  expect(answers.map((rows) => rows[0]?.n)).toEqual(asked);
});

test("the engine goes when its starter is killed, and another one can have the directory at once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "leeway-engine-test-"));
  const program = `
    const { startEngine } = await import(${JSON.stringify(new URL("./engine.ts", import.meta.url).href)});
    const engine = await startEngine({ dataDir: ${JSON.stringify(directory)} });
    console.log(engine.url);`;
  const starter = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface({ input: starter.stdout }), "line");
  starter.kill("SIGKILL");
  await once(starter, "exit");
  {
    await using engineAfter = await startEngine({ dataDir: directory });
    expect(await findEngine(directory)).toMatchObject({ url: engineAfter.url });
  }
  await rm(directory, { recursive: true, force: true });
});

test("of two that start at once on one directory, one gets it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "leeway-engine-test-"));
  const starts = await Promise.allSettled([startEngine({ dataDir: directory }), startEngine({ dataDir: directory })]);
  const started = starts.filter((start) => start.status === "fulfilled");
  expect(started).toHaveLength(1);
  for (const start of starts)
    if (start.status === "rejected") expect(start.reason).toMatchObject({ code: "engine_running" });
  for (const start of started) await start.value[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
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
  const long = facts.query("SELECT sum(sleepEachRow(0.1)) AS s FROM numbers(20)").finally(() => (running = false));
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
