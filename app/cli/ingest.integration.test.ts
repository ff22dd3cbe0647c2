import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { startEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { complaints, createLeewayFolder, eventually, type LeewayFolder } from "../testing/leeway-process.ts";

/** A folder whose configuration names a database of its own on the shared engine, as on a server. */
async function folderOnServer(
  model: object | null = null,
): Promise<{ readonly folder: LeewayFolder; readonly facts: Facts }> {
  const facts = await createTestDatabase();
  const { url, token } = inject("clickhouse");
  const store = { url, database: facts.database, ...(token !== undefined && { password: token }) };
  const folder = createLeewayFolder({ "leeway.yaml": JSON.stringify({ store }) });
  if (model !== null) {
    mkdirSync(join(folder.path, "models"));
    writeFileSync(join(folder.path, "models", "churn.yaml"), JSON.stringify(model));
  }
  return { folder, facts };
}

const write = (folder: LeewayFolder, name: string, lines: readonly string[]) =>
  writeFileSync(join(folder.path, name), `${lines.join("\n")}\n`);

const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

const day = (offset: number) => new Date(Date.UTC(2026, 8, 1 + offset)).toISOString().slice(0, 10);

test("a CSV file becomes events and labels: as guessed and as told, missing values and refused rows included", async () => {
  const model = {
    task: { kind: "binary", positive: "yes" },
    features: { zip: { type: "categorical" }, age: { type: "numeric" } },
  };
  const { folder, facts } = await folderOnServer(model);
  using _ = folder;
  await using __ = facts;
  write(folder, "scores.csv", [
    "request_id,scored at,age,zip,active,plan,proba,churned,country",
    `007,2026-09-01 08:00:00,31.5,01234,true,"gold, ""plus""",0.25,yes,US`,
    `008,2026-09-01T08:00:00+02:00,NA,99999,false,,0.5,no,DE`,
    `009,2026-09-02 00:00,many,00001,True,basic,,,FR`,
    `010,yesterday,40,00002,true,basic,0.1,no,FR`,
  ]);
  const end = await folder.run([
    "ingest",
    "scores.csv",
    "--model",
    "churn",
    "--time-column",
    "scored at",
    "--label",
    "churned",
    "--cohorts",
    "country",
    "--zone",
    "Europe/Berlin",
    "--json",
  ]);
  expect(complaints(end)).toEqual([]);
  expect(end.code).toBe(1);
  const summary = parsed(end.stdout);
  expect(summary).toMatchObject({
    kind: "events",
    model: "churn",
    environment: "production",
    rows: 4,
    stored: 3,
    stored_before: 0,
    refused: { time_invalid: 1 },
    labels: { stored: 2, refused: { time_invalid: 1 } },
    columns: {
      time: { columns: ["scored at"], guessed: false },
      id: { columns: ["request_id"], guessed: true },
      score: { columns: ["proba"], detail: 'of the class "yes"' },
      features: { columns: ["age", "zip", "active", "plan"], detail: "1 numeric, 2 categorical, 1 boolean" },
    },
  });
  const events = await facts.query(
    `SELECT event_id, toUnixTimestamp64Milli(event_time) AS time, num, cat, scores, cohorts, extra FROM events ORDER BY event_id`,
  );
  expect(events).toEqual([
    {
      event_id: "007",
      time: Date.UTC(2026, 8, 1, 6),
      num: [31.5],
      cat: ["01234", "true", 'gold, "plus"'],
      scores: { yes: 0.25 },
      cohorts: { country: "US" },
      extra: {},
    },
    {
      event_id: "008",
      time: Date.UTC(2026, 8, 1, 6),
      num: [null],
      cat: ["99999", "false", null],
      scores: { yes: 0.5 },
      cohorts: { country: "DE" },
      extra: {},
    },
    // What is no number where a number belongs is missing, and kept: as from Kafka.
    {
      event_id: "009",
      time: Date.UTC(2026, 8, 1, 22),
      num: [null],
      cat: ["00001", "true", "basic"],
      scores: {},
      cohorts: { country: "FR" },
      extra: { age: "many" },
    },
  ]);
  expect(await facts.query("SELECT event_id, label_class FROM labels ORDER BY event_id")).toEqual([
    { event_id: "007", label_class: "yes" },
    { event_id: "008", label_class: "no" },
  ]);

  const refused = readFileSync(join(folder.path, "scores.csv.refused.ndjson"), "utf8").trim().split("\n").map(parsed);
  expect(refused).toMatchObject([
    {
      file: "scores.csv",
      row: 4,
      kind: "event",
      reason: "time_invalid",
      message: expect.stringContaining('"yesterday"'),
    },
    { file: "scores.csv", row: 4, kind: "label", reason: "time_invalid" },
  ]);
  expect(await facts.query("SELECT DISTINCT reason FROM dead_letters")).toEqual([{ reason: "time_invalid" }]);

  const again = await folder.run([
    "ingest",
    "scores.csv",
    "--model",
    "churn",
    "--time-column",
    "scored at",
    "--label",
    "churned",
  ]);
  expect(again.code).toBe(1);
  expect(again.stdout).toContain("0 events stored, 3 were stored before");
  expect(await facts.query("SELECT count() AS rows FROM events")).toEqual([{ rows: 3 }]);
});

test("Parquet keeps its types, and its rows are told apart by their number", async () => {
  const { folder, facts } = await folderOnServer();
  using _ = folder;
  await using __ = facts;
  const path = join(folder.path, "scores.parquet");
  {
    await using engine = await startEngine({ dataDir: join(folder.path, "writer") });
    await using writer = createFacts({ url: engine.url, token: engine.token });
    await writer.command(
      `INSERT INTO FUNCTION file('${path}', Parquet)
      SELECT toDateTime64('2026-09-01 00:00:00', 3, 'UTC') + 60 * (70000 - number) AS ts, number / 7 AS amount, toInt64(9007199254740993) AS big,
        toString(number % 3) AS code, (number % 2 = 0)::Bool AS flag, number % 5 AS prediction, [1, 2] AS list
      FROM numbers(70000)`,
      {},
      { output_format_parquet_row_group_size: 10_000 },
    );
  }
  const end = await folder.run(["ingest", "scores.parquet", "--model", "amounts", "--json"]);
  expect(complaints(end)).toEqual([]);
  expect(end.code).toBe(0);
  expect(parsed(end.stdout)).toMatchObject({
    stored: 70_000,
    columns: {
      time: { columns: ["ts"], guessed: true },
      prediction: { columns: ["prediction"], detail: "an estimate" },
      features: { columns: ["amount", "big", "code", "flag"] },
      extra: { columns: ["list"] },
    },
  });
  // Row 1 of the file (counted from 0) is the last but one in time.
  const [row] = await facts.query(
    `SELECT num, cat, prediction_num, extra, toUnixTimestamp64Milli(event_time) AS time FROM events WHERE endsWith(event_id, '-1')`,
  );
  expect(row).toEqual({
    num: [1 / 7, 9007199254740992],
    cat: ["1", "false"],
    prediction_num: 1,
    extra: { list: "[1,2]" },
    time: Date.UTC(2026, 8, 1) + 69_999 * 60_000,
  });
  const again = await folder.run(["ingest", "scores.parquet", "--model", "amounts"]);
  expect(again.code).toBe(0);
  expect(again.stdout).toContain("nothing new: all 70,000 events of this file were stored before");
});

test("NDJSON in the contract's words is taken as it stands, broken lines are refused; other objects are rows", async () => {
  const { folder, facts } = await folderOnServer();
  using _ = folder;
  await using __ = facts;
  const event = (id: string, model: string) =>
    JSON.stringify({
      event_id: id,
      model,
      event_time: `${day(0)}T00:00:00Z`,
      features: { x: 1 },
      environment: "staging",
    });
  write(folder, "events.ndjson", [event("a", "one"), "", "not json", event("b", "two"), event("c", "one")]);
  const end = await folder.run(["ingest", "events.ndjson"]);
  expect(end.code).toBe(1);
  expect(end.stdout).toContain("3 events stored");
  expect(end.stdout).toContain("1 event refused: malformed_json 1");
  expect(readFileSync(join(folder.path, "events.ndjson.refused.ndjson"), "utf8")).toContain('"row":3');
  expect(
    await facts.query("SELECT model, environment, count() AS rows FROM events GROUP BY ALL ORDER BY model"),
  ).toEqual([
    { model: "one", environment: "staging", rows: 2 },
    { model: "two", environment: "staging", rows: 1 },
  ]);

  write(folder, "rows.jsonl", [
    JSON.stringify({ id: 1, ts: 1_788_220_800, age: 30, plan: "a", nested: { b: 1 } }),
    JSON.stringify({ id: 2, ts: 1_788_220_860, age: null, plan: "b" }),
  ]);
  const rows = await folder.run(["ingest", "rows.jsonl", "--model", "three", "--json"]);
  expect(complaints(rows)).toEqual([]);
  expect(parsed(rows.stdout)).toMatchObject({ stored: 2, columns: { time: { detail: "seconds since 1970" } } });
  expect(
    await facts.query(
      "SELECT event_id, num, cat, toUnixTimestamp64Milli(event_time) AS time FROM events WHERE model = 'three' ORDER BY event_id",
    ),
  ).toMatchObject([
    { event_id: "1", num: [30], cat: ["a"], time: 1_788_220_800_000 },
    { event_id: "2", num: [null], cat: ["b"] },
  ]);
});

test("files of labels name events by id, or what they are about", async () => {
  const { folder, facts } = await folderOnServer({ task: { kind: "binary", positive: "1" } });
  using _ = folder;
  await using __ = facts;
  write(folder, "outcomes.csv", ["request_id,churned", "007,1", "008,0", ",1"]);
  const byId = await folder.run(["ingest", "outcomes.csv", "--model", "churn", "--labels", "--label", "churned"]);
  expect(byId.code).toBe(1);
  expect(byId.stdout).toContain("2 labels stored");
  expect(byId.stdout).toContain("1 label refused: key_missing 1");
  write(folder, "by-customer.csv", ["customer,when,churned", `c1,${day(3)} 10:00:00,1`]);
  const byKey = await folder.run([
    "ingest",
    "by-customer.csv",
    "--model",
    "churn",
    "--labels",
    "--label",
    "churned",
    "--entity-key",
    "customer",
    "--time-column",
    "when",
  ]);
  expect(byKey.code).toBe(0);
  expect(
    await facts.query("SELECT event_id, entity_key, label_class FROM labels ORDER BY event_id, entity_key"),
  ).toEqual([
    { event_id: "", entity_key: "c1", label_class: "1" },
    { event_id: "007", entity_key: "", label_class: "1" },
    { event_id: "008", entity_key: "", label_class: "0" },
  ]);
});

test("files of labels name outcomes, which are numbers, beside the truth, which may be a class", async () => {
  const { folder, facts } = await folderOnServer({ task: { kind: "binary", positive: "yes" } });
  using _ = folder;
  await using __ = facts;
  write(folder, "outcomes.csv", [
    "request_id,name,label",
    "001,,yes",
    "001,revenue,212.5",
    "001,cost,7",
    "002,revenue,much",
    "003,not a name,1",
    "004,revenue,",
  ]);
  const brought = await folder.run(["ingest", "outcomes.csv", "--model", "churn", "--labels"]);
  expect(brought.code).toBe(1);
  expect(brought.stdout).toMatch(/\n {2}name +name \(labels with a name are numbers of their own; a guess\)\n/);
  expect(brought.stdout).toContain("3 labels stored");
  expect(brought.stdout).toMatch(/3 labels refused: (?=.*label_invalid 1)(?=.*field_invalid 1)(?=.*label_missing 1)/);
  expect(
    await facts.query("SELECT event_id, name, label_class, label_num FROM labels ORDER BY event_id, name"),
  ).toEqual([
    { event_id: "001", name: "", label_class: "yes", label_num: null },
    { event_id: "001", name: "cost", label_class: null, label_num: 7 },
    { event_id: "001", name: "revenue", label_class: null, label_num: 212.5 },
  ]);
  // As told, in a file of its own; and of events it is nothing.
  write(folder, "revenue.csv", ["request_id,kind,amount", "005,revenue,3"]);
  const told = ["revenue.csv", "--model", "churn", "--name", "kind", "--label", "amount"];
  expect((await folder.run(["ingest", ...told, "--labels"])).code).toBe(0);
  expect(await facts.query("SELECT label_num FROM labels WHERE event_id = '005' AND name = 'revenue'")).toEqual([
    { label_num: 3 },
  ]);
  const events = await folder.run(["ingest", ...told, "--at", "2026-01-31T23:00:00Z"]);
  expect(events.code).toBe(2);
  expect(events.stderr).toContain("--name is of files of labels");
});

test("killed midway and repeated, each row is stored once", async () => {
  const { folder, facts } = await folderOnServer();
  using _ = folder;
  await using __ = facts;
  const rows = 130_000;
  const lines = Array.from(
    { length: rows },
    (___, row) => `e${row},${new Date(Date.UTC(2026, 7, 1) + (row % 70) * 86_400_000 + row).toISOString()},${row}`,
  );
  write(folder, "big.csv", ["id,ts,x", ...lines]);
  const count = async () =>
    (
      await facts.query<{ rows: number; different: number }>(
        "SELECT count() AS rows, uniqExact(event_id) AS different FROM events",
      )
    )[0]!;

  const killed = folder.start(["ingest", "big.csv", "--model", "big"]);
  const seen = await eventually(count, ({ rows: stored }) => stored > 0);
  killed.kill("SIGKILL");
  await killed.ended;
  const before = await count();
  expect(before.rows).toBeGreaterThanOrEqual(seen.rows);
  expect(before.rows).toBeLessThan(rows);

  const again = await folder.run(["ingest", "big.csv", "--model", "big", "--json"]);
  expect(again.code).toBe(0);
  const { stored, stored_before: storedBefore } = parsed(again.stdout) as { stored: number; stored_before: number };
  expect(storedBefore).toBeGreaterThanOrEqual(before.rows);
  expect(stored + storedBefore).toBe(rows);
  expect(await count()).toEqual({ rows, different: rows });
});

test("a dry run says what would become of the rows, and stores nothing", async () => {
  const { folder, facts } = await folderOnServer();
  using _ = folder;
  await using __ = facts;
  write(folder, "scores.csv", ["id,ts,x", `a,${day(0)},1`, "b,never,2"]);
  const end = await folder.run(["ingest", "scores.csv", "--model", "m", "--dry-run"]);
  expect(end.code).toBe(1);
  expect(end.stdout).toContain("1 event would be stored");
  expect(end.stdout).toContain("1 event refused: time_invalid 1");
  for (const table of ["events", "models", "feature_schemas", "dead_letters"]) {
    expect(await facts.query(`SELECT count() AS rows FROM ${table}`)).toEqual([{ rows: 0 }]);
  }
});

test("reference.csv, then current.csv, lead to an incident: beside a running service, and alone", async () => {
  const config = {
    http: { listen: "127.0.0.1:0" },
    clock: "watermark",
    detector: { poll_interval: "200ms" },
    alerting: { poll_interval: "200ms", group_wait: "0s" },
  };
  using folder = createLeewayFolder({ "leeway.yaml": JSON.stringify(config) });
  mkdirSync(join(folder.path, "models"));
  const model = {
    monitoring: { window: "1d" },
    baseline: { kind: "range", from: `${day(0)}T00:00:00Z`, to: `${day(20)}T00:00:00Z` },
  };
  writeFileSync(join(folder.path, "models", "churn.yaml"), JSON.stringify(model));
  // Repeatable noise: quantiles of the uniform distribution in an order without a trend.
  const rowsOf = (from: number, to: number, shift: number) =>
    Array.from({ length: (to - from) * 300 }, (_, index) => {
      const time = new Date(Date.UTC(2026, 8, 1 + from) + index * 288_000).toISOString();
      return `${time},${((index * 0.618_033_988_75) % 1) * 100 + shift}`;
    });
  write(folder, "reference.csv", ["event_time,age", ...rowsOf(0, 20, 0)]);
  write(folder, "current.csv", ["event_time,age", ...rowsOf(20, 24, 0), ...rowsOf(24, 27, 40)]);

  // Nobody runs the engine yet: it is started, and its tables are made.
  const alone = await folder.run(["ingest", "reference.csv", "--model", "churn"]);
  expect(complaints(alone)).toEqual([]);
  expect(alone.code).toBe(0);
  expect(alone.stdout).not.toContain("is learning");

  await using service = folder.start(["serve", "--roles", "detector,alerting"]);
  const url = await service.url;
  const beside = await folder.run(["ingest", "current.csv", "--model", "churn"]);
  expect(complaints(beside)).toEqual([]);
  expect(beside.stdout).toContain("2,100 events stored");
  const incidents = async () =>
    (await (await fetch(`${url}/api/v1/incidents`)).json()) as { readonly title?: string }[];
  const found = await eventually(incidents, (list) => JSON.stringify(list).includes("age"));
  expect(JSON.stringify(found)).toContain("churn");
});

test.each<[string, readonly string[], Readonly<Record<string, string>>, number, string | RegExp]>([
  ["no file named", ["ingest"], {}, 2, "ingest: which file? See leeway help ingest"],
  [
    "no such file",
    ["ingest", "none.csv", "--model", "m"],
    {},
    2,
    "ingest: none.csv: there is no such file; check the path",
  ],
  [
    "a directory",
    ["ingest", "folder.csv", "--model", "m"],
    {},
    2,
    "ingest: folder.csv: it is a directory; name one file",
  ],
  [
    "an empty file",
    ["ingest", "empty.csv", "--model", "m"],
    {},
    2,
    "ingest: empty.csv: it is empty (0 bytes); write it again",
  ],
  [
    "a header alone",
    ["ingest", "header.csv", "--model", "m"],
    {},
    2,
    /^ingest: header\.csv: .*no .*rows.*; write it again/,
  ],
  [
    "another name",
    ["ingest", "scores.txt", "--model", "m"],
    {},
    2,
    /^ingest: scores\.txt: its name does not say what it is; use \.parquet, \.csv/,
  ],
  ["no Parquet", ["ingest", "text.parquet", "--model", "m"], {}, 2, /^ingest: text\.parquet: it is not a Parquet file/],
  [
    "no NDJSON",
    ["ingest", "text.ndjson", "--model", "m"],
    {},
    2,
    "ingest: text.ndjson: none of its first 2 lines is a JSON object; write one object a line",
  ],
  [
    "a row that is too short",
    ["ingest", "ragged.csv", "--model", "m"],
    {},
    2,
    /^ingest: ragged\.csv: it cannot be read as CSV: .*; write it again$/,
  ],
  ["no model", ["ingest", "ok.csv"], {}, 2, "ingest: whose rows are these? Name the model with --model"],
  [
    "no time",
    ["ingest", "timeless.csv", "--model", "m"],
    {},
    2,
    "ingest: timeless.csv: no column looks like a time; name it with --time-column, or give all rows one with --at",
  ],
  [
    "a time that is none",
    ["ingest", "ok.csv", "--model", "m", "--time-column", "x"],
    {},
    2,
    /^ingest: ok\.csv: the numbers in "x" are too small/,
  ],
  [
    "one column missing",
    ["ingest", "ok.csv", "--model", "m", "--score", "proba"],
    {},
    2,
    'ingest: --score: ok.csv has no column "proba"; it has id, ts, x',
  ],
  [
    "100,000 columns",
    ["ingest", "wide.csv", "--model", "m"],
    {},
    2,
    "ingest: wide.csv has 100,001 columns, at most 10,000 are read; choose some with --features",
  ],
  [
    "no disk for refused rows",
    ["ingest", "bad.csv", "--model", "m", "--refused", "/dev/full"],
    {},
    2,
    /^ingest: refused rows cannot be written to \/dev\/full: .*ENOSPC.*; name another place with --refused/,
  ],
  [
    "no temporary directory",
    ["ingest", "ok.csv", "--model", "m"],
    { TMPDIR: "/nowhere" },
    2,
    /^ingest: no temporary directory can be made: .*ENOENT.*; free some space, or set TMPDIR$/,
  ],
  [
    "no engine",
    ["ingest", "ok.csv", "--model", "m"],
    { CLICKHOUSE_URL: "http://127.0.0.1:1" },
    3,
    /^ClickHouse at 127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/,
  ],
])("bad input is one line that says what, where and what to do: %s", async (_, args, environment, code, line) => {
  using folder = createLeewayFolder({});
  mkdirSync(join(folder.path, "folder.csv"));
  write(folder, "ok.csv", ["id,ts,x", `a,${day(0)},1`]);
  writeFileSync(join(folder.path, "empty.csv"), "");
  write(folder, "header.csv", ["id,ts,x"]);
  write(folder, "scores.txt", ["id"]);
  write(folder, "text.parquet", ["id"]);
  write(folder, "text.ndjson", ["id", "[1]"]);
  write(folder, "ragged.csv", ["id,ts,x", `a,${day(0)}`, `b,${day(0)},1`]);
  write(folder, "timeless.csv", ["id,x", "a,1"]);
  write(folder, "bad.csv", ["id,ts,x", `a,${day(0)},1`, "b,never,1"]);
  write(folder, "wide.csv", [
    `ts,${Array.from({ length: 100_000 }, (__, index) => `c${index}`).join(",")}`,
    `${day(0)}${",1".repeat(100_000)}`,
  ]);
  const end = await folder.run(args, environment);
  expect(end.code).toBe(code);
  expect(complaints(end)).toHaveLength(1);
  const said = complaints(end)[0]!.replace(/^leeway: /, "");
  if (typeof line === "string") expect(said).toBe(line);
  else expect(said).toMatch(line);
});

test("a folder that may not be written to loses nothing: the rows wait until refused ones are safe", async () => {
  const { folder, facts } = await folderOnServer();
  using _ = folder;
  await using __ = facts;
  write(folder, "bad.csv", ["id,ts,x", `a,${day(0)},1`, "b,never,1"]);
  const end = await folder.run(["ingest", "bad.csv", "--model", "m", "--refused", "/proc/refused.ndjson"]);
  expect(end.code).toBe(2);
  expect(await facts.query("SELECT count() AS rows FROM events")).toEqual([{ rows: 0 }]);
  const again = await folder.run(["ingest", "bad.csv", "--model", "m"]);
  expect(again.code).toBe(1);
  expect(existsSync(join(folder.path, "bad.csv.refused.ndjson"))).toBe(true);
  expect(await facts.query("SELECT count() AS rows FROM events")).toEqual([{ rows: 1 }]);
});
