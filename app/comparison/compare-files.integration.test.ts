import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { binningOf, countsOf } from "../../detectors/decisions/binning.ts";
import { ksStatistic } from "../../detectors/methods/ks.ts";
import { populationStabilityIndex } from "../../detectors/methods/psi.ts";
import { cellsOf } from "../../detectors/methods/reported-numbers.ts";
import { createRandom, type Random } from "../../detectors/simulate/random.ts";
import { startEngine } from "../../store/engine/engine.ts";
import { createFacts } from "../../store/facts/client.ts";
import type { ComparedColumn, Comparison } from "./comparison.ts";
import { compareFiles, type ComparisonRequest } from "./compare-files.ts";

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "leeway-compare-test-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a column of a file is called, and its values as they are written. */
type Columns = Readonly<Record<string, (random: Random, row: number) => unknown>>;

function csv(rows: number, columns: Columns, options: { readonly seed: number; readonly delimiter?: string }): string {
  const { seed, delimiter = "," } = options;
  const field = (value: unknown) => {
    const text = String(value ?? "");
    return /["\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const randoms = Object.keys(columns).map((_, column) => createRandom(seed, column));
  const draws = Object.values(columns);
  const lines = [Object.keys(columns).map(field).join(delimiter)];
  for (let row = 0; row < rows; row += 1) {
    lines.push(draws.map((draw, column) => field(draw(randoms[column]!, row))).join(delimiter));
  }
  return `${lines.join("\n")}\n`;
}

async function compare(
  files: { readonly reference: string | Buffer; readonly current: string | Buffer },
  options: Partial<Omit<ComparisonRequest, "files">> & { readonly endings?: readonly [string, string] } = {},
): Promise<Comparison> {
  const { endings = ["csv", "csv"], ...rest } = options;
  const named = async (side: "reference" | "current", ending: string) => {
    const name = `${side}.${ending}`;
    await writeFile(join(folder, name), files[side]);
    return { name, path: join(folder, name) };
  };
  const request = { columns: null, types: new Map(), methods: null, ...rest } as const;
  const { comparison } = await compareFiles({
    ...request,
    files: { reference: await named("reference", endings[0]), current: await named("current", endings[1]) },
  });
  return comparison;
}

function byName({ columns }: Comparison): Readonly<Record<string, ComparedColumn>> {
  return Object.fromEntries(columns.map((column) => [column.name, column]));
}

const normal = (random: Random) => random.normal();
const pick = (values: readonly unknown[]) => (random: Random) => values[Math.floor(values.length * random.uniform())];

test("columns of every sort that did not drift are ok; names are kept as they are", async () => {
  const columns: Columns = {
    'größe, "quoted"': normal,
    "a.b": normal,
    "`tick` \\ and spaces": pick(["x", "y"]),
    日本: pick(["日", "本", "語"]),
    // The engine's statements have names of their own in them.
    category: pick(["a", "b", ""]),
    v: normal,
    t: (random) => new Date(1.77e12 + 1e9 * random.uniform()).toISOString(),
    place: (_, row) => row,
    flag: pick(["True", "False"]),
    constant: () => 7,
    day: (random) => `2026-01-${String(1 + Math.floor(28 * random.uniform())).padStart(2, "0")}`,
    moment: (random) => new Date(1.77e12 + 1e9 * random.uniform()).toISOString(),
    "all missing": () => "",
    gaps: (random) => (random.uniform() < 0.2 ? "NA" : random.normal()),
    odd: (random) => (random.uniform() < 0.05 ? "inf" : random.uniform() < 0.05 ? "NaN" : random.normal()),
    tiny: (random) => random.normal() * 1e-9,
  };
  const comparison = await compare({
    reference: csv(3000, columns, { seed: 1 }),
    current: csv(700, columns, { seed: 2 }),
  });
  expect(comparison).toMatchObject({
    verdict: "ok",
    reference: { source: "reference.csv", rows: 3000 },
    current: { source: "current.csv", rows: 700 },
  });
  expect(comparison.columns.map(({ name }) => name)).toEqual(Object.keys(columns));
  const found = byName(comparison);
  expect(
    Object.fromEntries(comparison.columns.map(({ name, type, decision }) => [name, `${type} ${decision}`])),
  ).toEqual({
    'größe, "quoted"': "numeric ok",
    "a.b": "numeric ok",
    "`tick` \\ and spaces": "categorical ok",
    日本: "categorical ok",
    category: "categorical ok",
    v: "numeric ok",
    t: "time too_variable",
    place: "numeric too_variable",
    flag: "boolean ok",
    constant: "numeric ok",
    day: "time too_variable",
    moment: "time too_variable",
    "all missing": "categorical insufficient_data",
    gaps: "numeric ok",
    odd: "numeric ok",
    tiny: "numeric ok",
  });
  expect(found["constant"]).toMatchObject({ reference: { distinct: 1, missing: 0 }, effect: { value: 0, low: 0 } });
  expect(found["all missing"]!.reference).toEqual({ rows: 3000, missing: 3000, distinct: 0 });
  expect(found["odd"]!.explanation).toMatch(/values of the reference are NaN or infinite; they count as missing/);
  expect(found["odd"]!.reference.missing).toBeGreaterThan(200);
});

test("planted changes are drift, each explained, and nothing else is", async () => {
  const before: Columns = {
    shifted: normal,
    same: normal,
    share: pick(["a", "a", "a", "b"]),
    fresh: pick(["a", "b"]),
    gaps: normal,
    flag: pick(["true", "false"]),
    tiny: (random) => random.normal() * 1e-9,
  };
  const now: Columns = {
    ...before,
    shifted: (random) => 0.3 + random.normal(),
    share: pick(["a", "b"]),
    fresh: pick(["a", "b", "a", "b", "a", "b", "a", "b", "new one"]),
    gaps: (random) => (random.uniform() < 0.1 ? "" : random.normal()),
    flag: pick(["true", "true", "false"]),
    tiny: (random) => (0.3 + random.normal()) * 1e-9,
  };
  const comparison = await compare({ reference: csv(4000, before, { seed: 1 }), current: csv(3000, now, { seed: 2 }) });
  expect(comparison.verdict).toBe("drift");
  const found = byName(comparison);
  expect(comparison.columns.filter(({ decision }) => decision !== "drift").map(({ name }) => name)).toEqual(["same"]);
  expect(found["shifted"]!.explanation).toMatch(/^Values moved up: mean .+ → .+; \d+\.\d % of rows moved \(at least /);
  expect(found["share"]!.explanation).toMatch(/Share of a: 7\d\.\d % → 5\d\.\d %|Share of a: 7\d\.\d % → 49\.\d %/);
  expect(found["fresh"]!.explanation).toMatch(/New category "new one": 1\d\.\d % of values/);
  expect(found["gaps"]!.explanation).toMatch(/^Missing values: 0 % → \d+\.?\d? %/);
  // Values a billionth apart are no ties.
  expect(found["tiny"]!.methods.ks!.score).toBeGreaterThan(0.08);
});

test("a file compared with itself is ok in every column, and its scores are 0", async () => {
  const columns: Columns = { x: normal, n: (random) => Math.floor(5 * random.uniform()), c: pick(["a", "b", "c"]) };
  const text = csv(2000, columns, { seed: 1 });
  const comparison = await compare({ reference: text, current: text });
  expect(comparison.columns.map(({ decision }) => decision)).toEqual(["ok", "ok", "ok"]);
  for (const { methods } of comparison.columns) {
    for (const { score } of Object.values(methods)) expect(score).toBeCloseTo(0, 12);
  }
});

test("the engine counts what bins cut at the reference's quantiles hold, value by value", async () => {
  const columns: Record<string, (random: Random) => number | null> = {
    normal,
    tiny: (random) => random.normal() * 1e-9,
    whole: (random) => Math.round(3 * random.normal()),
    skewed: (random) => (random.uniform() < 0.1 ? null : Math.exp(3 * random.normal())),
    huge: (random) => (random.uniform() - 0.5) * 1e308,
    large: (random) => 1e15 + Math.floor(50 * random.uniform()),
    "mostly zero": (random) => (random.uniform() < 0.9 ? 0 : random.normal()),
  };
  const values = (seed: number, column: number, rows: number) => {
    const random = createRandom(seed, column);
    return Array.from({ length: rows }, () => Object.values(columns)[column]!(random));
  };
  const comparison = await compare({
    reference: csv(3000, columns, { seed: 5 }),
    current: csv(2000, columns, { seed: 6 }),
  });
  for (const [column, { methods, reference }] of comparison.columns.entries()) {
    const [before, now] = [values(5, column, 3000), values(6, column, 2000)];
    const binning = binningOf(before);
    const counts = { before: countsOf(binning, before), now: countsOf(binning, now) };
    expect(methods.ks!.score).toBeCloseTo(ksStatistic(counts.before.bins, counts.now.bins), 12);
    const cells = [cellsOf(binning, counts.before), cellsOf(binning, counts.now)] as const;
    expect(methods.psi!.score).toBeCloseTo(populationStabilityIndex(...cells), 10);
    expect(reference).toEqual({
      rows: 3000,
      missing: counts.before.missing,
      distinct: new Set(before.filter((value) => value !== null)).size,
    });
  }
});

describe("files that do not fit each other", () => {
  it("a column of numbers that became text: its values count as missing, the others are compared", async () => {
    const comparison = await compare({
      reference: csv(1000, { x: normal, y: normal }, { seed: 1 }),
      current: csv(1000, { x: pick(["low", "high"]), y: normal }, { seed: 2 }),
    });
    const { x, y } = byName(comparison);
    expect(y!.decision).toBe("ok");
    expect(x).toMatchObject({ type: "numeric", decision: "drift", current: { missing: 1000 } });
    expect(x!.explanation).toContain("The types differ: numbers in the reference, text in the current file");
  });

  it("a column of text that became numbers: new categories", async () => {
    const comparison = await compare({
      reference: csv(1000, { x: pick(["low", "high"]) }, { seed: 1 }),
      current: csv(1000, { x: normal }, { seed: 2 }),
    });
    expect(comparison.columns[0]).toMatchObject({ type: "categorical", decision: "drift" });
    expect(comparison.columns[0]!.explanation).toContain("compared as text");
  });

  it("a renamed column is missing on one side and without a reference on the other, and its new name is guessed", async () => {
    const comparison = await compare({
      reference: csv(1000, { income: normal, y: normal }, { seed: 1 }),
      current: csv(
        1000,
        { incomes: (random) => (random.uniform() < 0.5 ? "" : random.normal()), y: normal },
        { seed: 2 },
      ),
    });
    const { income, incomes, y } = byName(comparison);
    expect(y!.decision).toBe("ok");
    expect(income).toMatchObject({ decision: "drift", current: { rows: 0, missing: 0, distinct: 0 } });
    expect(income!.explanation).toContain('"incomes" is new there: was it renamed?');
    expect(incomes).toMatchObject({ decision: "insufficient_data", effect: null, methods: {}, reference: { rows: 0 } });
    expect(incomes!.current.missing).toBeGreaterThan(400);
  });

  it("no rows, one row or no value are never called ok", async () => {
    const full = csv(1000, { x: normal }, { seed: 1 });
    for (const few of ["x\n", "x\n1.5\n"]) {
      expect((await compare({ reference: full, current: few })).verdict).toBe("insufficient_data");
      expect((await compare({ reference: few, current: full })).verdict).toBe("insufficient_data");
    }
  });
});

test("running numbers and clocks go on by themselves: explained, not called drift", async () => {
  const columns = (from: number): Columns => ({
    id: (_, row) => from + row,
    epoch: (random, row) => 1.7e9 + 37 * (from + row) + 100 * random.uniform(),
    x: normal,
  });
  const comparison = await compare({
    reference: csv(1000, columns(0), { seed: 1 }),
    current: csv(2000, columns(1000), { seed: 2 }),
  });
  expect(comparison.verdict).toBe("ok");
  const { id, epoch, x } = byName(comparison);
  expect([id!.decision, epoch!.decision, x!.decision]).toEqual(["too_variable", "too_variable", "ok"]);
  expect(id!.explanation).toContain("follow the order of the rows in both files");
  expect(id!.explanation).toContain("0 to 999, then 1,000 to 2,999");
});

describe("ways to write a file", () => {
  const columns: Columns = { x: normal, c: pick(["a", "b"]) };
  const plain = csv(1000, columns, { seed: 1 });
  const expected = {
    verdict: "ok",
    columns: [{ type: "numeric", effect: { value: 0, unit: "share_of_rows_moved" } }, { type: "categorical" }],
  };

  it("gzip, a byte order mark, Windows line ends and semicolons with decimal commas are read as they are meant", async () => {
    const withCommas = plain.replaceAll(",", ";").replaceAll(".", ",");
    const same: readonly (readonly [string | Buffer, string])[] = [
      [gzipSync(plain), "csv.gz"],
      [`\u{feff}${plain}`, "csv"],
      [plain.replaceAll("\n", "\r\n"), "csv"],
      [withCommas, "csv"],
      [plain.replaceAll(",", "\t"), "csv"],
    ];
    for (const [current, ending] of same) {
      const comparison = await compare({ reference: plain, current }, { endings: ["csv", ending] });
      expect(comparison).toMatchObject(expected);
    }
  });

  it("NDJSON and Parquet of the same rows are the same; lists are left out, with a word", async () => {
    const rows = plain.trim().split("\n").slice(1);
    const ndjson = rows.map((row) => {
      const [x, c] = row.split(",");
      return JSON.stringify({ x: Number(x), c, list: [1, 2] });
    });
    const json = await compare({ reference: plain, current: `${ndjson.join("\n")}\n` }, { endings: ["csv", "ndjson"] });
    expect(json.columns[0]).toMatchObject({ decision: "ok", effect: { value: 0, unit: "share_of_rows_moved" } });
    const both = await compare(
      { reference: `${ndjson.join("\n")}\n`, current: `${ndjson.join("\n")}\n` },
      { endings: ["ndjson", "jsonl"] },
    );
    expect(byName(both)["list"]).toMatchObject({
      decision: "insufficient_data",
      explanation: "Its values are lists or objects, which are not compared.",
    });
  });
});

test("Parquet keeps its types: no rows, booleans, times, dictionaries and NaN", async () => {
  await using engine = await startEngine({ dataDir: join(folder, "writer") });
  await using facts = createFacts({ url: engine.url, token: engine.token });
  const write = async (name: string, rows: number, seed: number) =>
    facts.command(
      `INSERT INTO FUNCTION file('${join(folder, name)}', Parquet)
       SELECT randCanonical(${seed}) AS x, toInt8(rand(${seed + 1}) % 5) AS small, rand(${seed + 2}) % 3 = 0 AS flag,
         toLowCardinality(['a', 'b'][rand(${seed + 3}) % 2 + 1]) AS word, toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number AS at,
         if(rand(${seed + 4}) % 10 = 0, nan, x) AS odd, toDecimal64(rand(${seed + 5}) % 1000, 2) AS price, [1, 2] AS list
       FROM numbers(${rows}) SETTINGS engine_file_truncate_on_insert = 1`,
    );
  await write("a.parquet", 3000, 1);
  await write("b.parquet", 2000, 100);
  await write("none.parquet", 0, 1);
  const of = (reference: string, current: string) =>
    compareFiles({
      files: {
        reference: { name: reference, path: join(folder, reference) },
        current: { name: current, path: join(folder, current) },
      },
      columns: null,
      types: new Map(),
      methods: null,
    });
  const { comparison } = await of("a.parquet", "b.parquet");
  expect(
    Object.fromEntries(comparison.columns.map(({ name, type, decision }) => [name, `${type} ${decision}`])),
  ).toEqual({
    x: "numeric ok",
    small: "numeric ok",
    flag: expect.stringMatching(/^(boolean|numeric) ok$/),
    word: "categorical ok",
    at: "time too_variable",
    odd: "numeric ok",
    price: "numeric ok",
    list: "categorical insufficient_data",
  });
  expect((await of("a.parquet", "none.parquet")).comparison).toMatchObject({
    verdict: "insufficient_data",
    current: { rows: 0 },
  });
});

test("text that is called numeric is not compared, and the type is named as the reason", async () => {
  const text = csv(500, { grade: pick(["a", "b", "c"]), x: normal }, { seed: 1 });
  const compared = await compare({ reference: text, current: text }, { types: new Map([["grade", "numeric"]]) });
  const { grade, x } = byName(compared);
  expect(grade).toMatchObject({ decision: "insufficient_data", methods: {} });
  expect(grade!.explanation).toMatch(/^No value of the reference can be read as a number, which --types says it is/);
  expect(x!.decision).toBe("ok");
});

test("columns, types and methods are those asked for", async () => {
  const columns: Columns = {
    age: (random) => 20 + Math.floor(50 * random.uniform()),
    grade: pick([1, 2, 3]),
    x: normal,
  };
  const comparison = await compare(
    { reference: csv(2000, columns, { seed: 1 }), current: csv(2000, columns, { seed: 2 }) },
    {
      columns: ["grade", "age"],
      types: new Map([["grade", "categorical"]]),
      methods: ["psi", "ks"],
    },
  );
  expect(comparison.columns.map(({ name, type, methods }) => [name, type, Object.keys(methods)])).toEqual([
    ["grade", "categorical", ["psi"]],
    ["age", "numeric", ["psi", "ks"]],
  ]);
});
