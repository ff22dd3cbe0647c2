import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test, vi } from "vitest";
import { z } from "zod";
import { LeewayError } from "../../core/errors.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import { dayMs } from "../../core/window.ts";
import { createRandom, type Random } from "../../detectors/simulate/random.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { modelSpec } from "../config/model-spec.ts";
import { builtInModelDefaults, modelSchema } from "../config/schema.ts";
import { runBacktest } from "./backtest.ts";
import { loadFiles, type FileBacktestRequest } from "./file-data.ts";
import { backtestWindowStates, type BacktestResult } from "./result.ts";

// Each loads two files and decides every window of them.
vi.setConfig({ testTimeout: 180_000 });

let folder = "";
let cases = 0;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "leeway-backtest-test-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const defaults = modelSpec("files", "declared", modelSchema.parse(builtInModelDefaults), ".");

/** What leaves the command with --json. */
const resultSchema = z.strictObject({
  windows: z.array(
    z.strictObject({
      index: z.int(),
      from: z.union([z.iso.datetime(), z.int()]),
      to: z.union([z.iso.datetime(), z.int()]),
      rows: z.int(),
      state: z.enum(backtestWindowStates),
    }),
  ),
  findings: z.array(
    z.strictObject({
      id: z.string().length(16),
      signal: z.string(),
      feature: z.string(),
      opened_window: z.int().min(0),
      closed_window: z.int().min(0).nullable(),
      effect: z.number(),
      explanation: z.string().min(10),
    }),
  ),
  incidents: z.array(
    z.strictObject({
      id: z.string(),
      opened_window: z.int().min(0),
      closed_window: z.int().min(0).nullable(),
      features: z.array(z.string()).min(1),
      severity: z.enum(["page", "ticket", "none"]),
      rank_score: z.number().positive(),
      title: z.string().min(5),
    }),
  ),
  performance: z.array(
    z.strictObject({
      window: z.int().min(0),
      metric: z.string(),
      realised: z.number().nullable(),
      estimated: z.number().nullable(),
      low: z.number(),
      high: z.number(),
    }),
  ),
});

type Row = Readonly<Record<string, string | number>>;
type Draw = (random: Random, row: number) => Row;

function csv(rows: number, seed: number, draw: Draw): string {
  const random = createRandom(seed);
  const lines: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    const values = draw(random, row);
    if (row === 0) lines.push(Object.keys(values).join(","));
    lines.push(Object.values(values).join(","));
  }
  return `${lines.join("\n")}\n`;
}

async function requestFor(
  files: { readonly reference: string; readonly current: string },
  options: Partial<FileBacktestRequest>,
): Promise<{ readonly request: FileBacktestRequest; readonly workDir: string }> {
  const directory = join(folder, String((cases += 1)));
  const workDir = join(directory, "work");
  await mkdir(workDir, { recursive: true });
  const named = async (side: "reference" | "current") => {
    const path = join(directory, `${side}.csv`);
    await writeFile(path, files[side]);
    return { name: `${side}.csv`, path };
  };
  const request: FileBacktestRequest = {
    reference: await named("reference"),
    current: await named("current"),
    model: defaults,
    window: null,
    timeColumn: null,
    columns: null,
    types: new Map<string, FeatureType>(),
    prediction: null,
    score: null,
    label: null,
    ...options,
  };
  return { request, workDir };
}

async function backtest(
  files: { readonly reference: string; readonly current: string },
  options: Partial<FileBacktestRequest> = {},
): Promise<{ readonly result: BacktestResult; readonly notes: readonly string[] }> {
  const { request, workDir } = await requestFor(files, options);
  await using facts = await createTestDatabase();
  const { run, notes } = await loadFiles(facts, request, workDir);
  const found = await runBacktest(run);
  resultSchema.parse(JSON.parse(JSON.stringify(found.result)));
  return { result: found.result, notes: [...notes, ...found.notes] };
}

const pick = (random: Random, values: readonly string[]) => values[Math.floor(values.length * random.uniform())]!;
const healthy: Draw = (random) => ({
  age: 40 + 10 * random.normal(),
  amount: Math.exp(random.normal()),
  country: pick(random, ["DE", "FR", "US", "US"]),
  premium: random.uniform() < 0.2 ? "true" : "false",
});

describe("windows of rows, in the file's order", () => {
  const reference = csv(12_000, 1, healthy);

  it("a shift, a missing feature and a new category open in the window where they begin, by name", async () => {
    const current = csv(10_350, 2, (random, row) => {
      const values = healthy(random, row);
      return {
        ...values,
        age: Number(values["age"]) + (row >= 4000 ? 5 : 0),
        amount: row >= 6000 && random.uniform() < 0.03 ? "" : values["amount"]!,
        country: row >= 2000 && random.uniform() < 0.03 ? "XX" : values["country"]!,
      };
    });
    const { result } = await backtest({ reference, current }, { window: { kind: "rows", rows: 1000 } });

    expect(result.windows.map(({ from, to, rows }) => [from, to, rows])).toEqual(
      Array.from({ length: 11 }, (_, index) => [
        index * 1000,
        Math.min(10_350, index * 1000 + 1000),
        index === 10 ? 350 : 1000,
      ]),
    );
    expect(result.windows.map(({ index }) => index)).toEqual(Array.from({ length: 11 }, (_, index) => index));
    expect(result.windows[10]!.state).toBe("partial");
    expect(result.windows.slice(4, 10).every(({ state }) => state === "drift")).toBe(true);
    expect(result.findings).toMatchObject([
      { feature: "country", signal: "unseen", opened_window: 2, closed_window: null },
      { feature: "age", signal: "distribution", opened_window: 4, closed_window: null },
      { feature: "amount", signal: "missing", opened_window: 6, closed_window: null },
    ]);
    expect(result.findings[1]!.effect).toBeGreaterThan(0.15);
    expect(result.findings[1]!.explanation).toMatch(/^age changed: median 4\d.* → 4\d/);
    expect(result.findings[0]!.explanation).toContain("XX");
    // What begins within a week of windows is one incident, and it lasts as long as the change does.
    expect(result.incidents).toHaveLength(1);
    expect(result.incidents[0]).toMatchObject({ opened_window: 2, closed_window: null, severity: "page" });
    expect(result.incidents[0]!.features.toSorted()).toEqual(["age", "amount", "country"]);
  });

  it("a change that goes away ends its finding and its incident", async () => {
    const current = csv(16_000, 3, (random, row) => {
      const values = healthy(random, row);
      return { ...values, age: Number(values["age"]) + (row >= 2000 && row < 4000 ? 12 : 0) };
    });
    const { result } = await backtest({ reference, current }, { window: { kind: "rows", rows: 1000 } });
    const [finding, ...others] = result.findings;
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ feature: "age", opened_window: 2 });
    expect(finding!.closed_window).toBeGreaterThan(4);
    expect(result.incidents).toMatchObject([
      { opened_window: 2, closed_window: finding!.closed_window, features: ["age"] },
    ]);
    expect(result.windows.at(-1)!.state).not.toBe("partial");
  });

  it.each([12, 13, 14])("nothing is found where nothing changes (seed %i)", async (seed) => {
    const { result, notes } = await backtest({ reference, current: csv(9000, seed, healthy) });
    expect(result.incidents).toEqual([]);
    expect(result.findings).toEqual([]);
    // Without a time and without --window-rows there are about twenty windows.
    expect(result.windows).toHaveLength(20);
    expect(notes.join("\n")).toContain("windows of 450 rows");
  });

  it("a reference shorter than ten windows is cut smaller to learn from, and says so", async () => {
    const current = csv(12_000, 5, (random, row) => {
      const values = healthy(random, row);
      return { ...values, age: Number(values["age"]) + (row >= 6000 ? 3 : 0) };
    });
    const { result, notes } = await backtest({ reference, current }, { window: { kind: "rows", rows: 3000 } });
    expect(notes.join("\n")).toContain("fewer than 10 windows of 3,000");
    expect(result.findings).toMatchObject([{ feature: "age", opened_window: 2 }]);
  });

  it("what tells rows apart is left out and named; types and columns are as told", async () => {
    const draw: Draw = (random, row) => ({
      ...healthy(random, row),
      request: `r-${row}-${Math.floor(1e9 * random.uniform())}`,
      number: row,
      zip: pick(random, ["01234", "01235"]),
    });
    const files = { reference: csv(6000, 6, draw), current: csv(2000, 7, draw) };
    const all = await backtest(files, {
      window: { kind: "rows", rows: 500 },
      types: new Map([["zip", "categorical"]]),
    });
    expect(all.notes.join("\n")).toContain("left out, since nearly every row has its own value: request, number");
    expect(all.result.findings).toEqual([]);
    const [shifted] = [csv(2000, 8, (random, row) => ({ ...draw(random, row), zip: "99999" }))];
    const some = await backtest(
      { ...files, current: shifted },
      { window: { kind: "rows", rows: 500 }, columns: ["zip", "age"], types: new Map([["zip", "categorical"]]) },
    );
    expect(new Set(some.result.findings.map(({ feature }) => feature))).toEqual(new Set(["zip"]));
    expect(some.result.findings.map(({ explanation }) => explanation).join()).toContain("99999");
  });
});

describe("windows of time", () => {
  const start = Date.UTC(2026, 0, 1);
  const timed =
    (perDay: number, fromMs: number, draw: Draw): Draw =>
    (random, row) => ({
      at: new Date(fromMs + Math.floor((row * dayMs) / perDay)).toISOString(),
      ...draw(random, row),
    });
  const reference = csv(14 * 400, 1, timed(400, start, healthy));

  it("days are days, rows in any order, and the day on which the data end is not decided", async () => {
    const draw: Draw = (random, row) => {
      const values = healthy(random, row);
      return { ...values, amount: Number(values["amount"]) * (row >= 3 * 400 ? 2 : 1) };
    };
    const lines = csv(6 * 400 + 100, 2, timed(400, start + 20 * dayMs, draw))
      .trimEnd()
      .split("\n");
    const current = [lines[0], ...lines.slice(1).toReversed()].join("\n");
    const { result, notes } = await backtest({ reference, current }, { timeColumn: "at" });
    expect(result.windows.map(({ rows }) => rows)).toEqual([400, 400, 400, 400, 400, 400, 100]);
    expect(result.windows[0]).toMatchObject({ from: "2026-01-21T00:00:00.000Z", to: "2026-01-22T00:00:00.000Z" });
    expect(result.windows.at(-1)!.state).toBe("partial");
    expect(result.findings).toMatchObject([{ feature: "amount", signal: "distribution", opened_window: 3 }]);
    expect(notes).toEqual([]);
  });

  it("a reference of the same days is taken back by whole weeks; a column called a time is found", async () => {
    const { result, notes } = await backtest({
      reference: reference.replace("at,", "timestamp,"),
      current: csv(5 * 400, 9, timed(400, start, healthy)).replace("at,", "timestamp,"),
    });
    expect(notes).toEqual(["times are those of column timestamp"]);
    expect(result.windows).toHaveLength(5);
    expect(result.incidents).toEqual([]);
  });

  it("rows ordered by a time column are cut by number, and their windows say when they were", async () => {
    const lines = csv(1000, 4, timed(400, start + 20 * dayMs, healthy))
      .trimEnd()
      .split("\n");
    const current = [lines[0], ...lines.slice(1).toReversed()].join("\n");
    const { result } = await backtest(
      { reference, current },
      { timeColumn: "at", window: { kind: "rows", rows: 400 } },
    );
    expect(result.windows.map(({ rows, state }) => [rows, state])).toEqual([
      [400, "ok"],
      [400, "ok"],
      [200, "partial"],
    ]);
    expect(result.windows[0]!.from).toBe("2026-01-21T00:00:00.000Z");
    expect(result.windows[1]!.from).toBe("2026-01-22T00:00:00.000Z");
  });
});

describe("performance", () => {
  const scored =
    (flippedFrom: number, options: { readonly labels?: boolean } = {}): Draw =>
    (random, row) => {
      const x = random.normal();
      const p = 1 / (1 + Math.exp(-2 * x));
      const outcome = random.uniform() < p;
      const flipped = row >= flippedFrom && random.uniform() < 0.3;
      return {
        x,
        p: p.toFixed(5),
        decided: p >= 0.5 ? 1 : 0,
        ...(options.labels === false ? {} : { y: outcome === flipped ? "false" : "true" }),
      };
    };
  const of = (result: BacktestResult, metric: string) => result.performance.filter((one) => one.metric === metric);

  test("labels that turn worse show as realised performance below the estimate's interval, from the window where they do", async () => {
    const files = { reference: csv(8000, 1, scored(Infinity)), current: csv(6000, 2, scored(3000)) };
    const roles = { prediction: "decided", score: "p", label: "y" };
    const { result } = await backtest(files, { ...roles, window: { kind: "rows", rows: 1000 } });
    const accuracy = of(result, "accuracy");
    expect(accuracy).toHaveLength(6);
    for (const { window, realised, estimated, low, high } of accuracy) {
      expect(Math.abs(estimated! - accuracy[0]!.estimated!)).toBeLessThan(0.05);
      if (window >= 3) expect(realised!).toBeLessThan(low);
      else expect(realised! > low - 0.02 && realised! < high + 0.02).toBe(true);
    }
    const metrics = new Set(result.performance.map(({ metric }) => metric));
    for (const metric of ["precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier", "calibration_error"]) {
      expect(metrics).toContain(metric);
    }
    // Neither the label nor a result is taken for a feature.
    expect(result.findings.map(({ feature }) => feature)).not.toContain("y");
  });

  const byMetric = ({ result }: { readonly result: BacktestResult }) =>
    result.findings
      .filter(({ signal }) => signal === "performance")
      .map(({ feature, opened_window: opened }) => `${feature} in window ${opened}`)
      .toSorted();

  test("a fall of accuracy is a finding of that metric, and an incident, in the window whose labels they are", async () => {
    const files = { reference: csv(8000, 1, scored(Infinity)), current: csv(6000, 2, scored(3000)) };
    const roles = { prediction: "decided", score: "p", label: "y", window: { kind: "rows", rows: 1000 } } as const;
    const found = await backtest(files, roles);
    expect(byMetric(found)).toEqual(["accuracy in window 3", "roc_auc in window 3"]);
    const { findings, incidents, windows } = found.result;
    const [finding] = findings.filter(({ feature }) => feature === "accuracy");
    expect(finding!.closed_window).toBeNull();
    expect(finding!.effect).toBeGreaterThan(0.05);
    expect(finding!.explanation).toMatch(/^accuracy fell from 7\d\.\d % to 5\d\.\d %; 1\d\.\d points worse/);
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({ opened_window: 3, closed_window: null, severity: "page" });
    expect(incidents[0]!.features.toSorted()).toEqual(["accuracy", "roc_auc"]);
    expect(windows.slice(3).every(({ state }) => state === "drift")).toBe(true);
    expect(windows.slice(0, 3).some(({ state }) => state === "drift")).toBe(false);

    const healthyLabels = await backtest({ ...files, current: csv(6000, 2, scored(Infinity)) }, roles);
    expect(byMetric(healthyLabels)).toEqual([]);
  });

  test("without a decided class the score decides at one half, and that is judged; features stay what they were", async () => {
    const files = { reference: csv(8000, 1, scored(Infinity)), current: csv(6000, 2, scored(3000)) };
    const found = await backtest(files, {
      columns: ["x"],
      score: "p",
      label: "y",
      window: { kind: "rows", rows: 1000 },
    });
    expect(byMetric(found)).toEqual(["accuracy in window 3", "roc_auc in window 3"]);
    expect(new Set(found.result.findings.map(({ signal }) => signal))).toEqual(new Set(["performance"]));
  });

  test("windows with few of their labels are not judged: early labels are a biased sample", async () => {
    const few: Draw = (random, row) => {
      const values = scored(0)(random, row);
      return { ...values, y: random.uniform() < 0.8 ? "" : values["y"]! };
    };
    const files = { reference: csv(8000, 1, scored(Infinity)), current: csv(3000, 2, few) };
    const roles = { prediction: "decided", score: "p", label: "y" };
    const found = await backtest(files, { ...roles, window: { kind: "rows", rows: 1000 } });
    expect(of(found.result, "accuracy")).toHaveLength(3);
    expect(byMetric(found)).toEqual([]);
  });

  test("a reference without labels enough is said: performance is then measured, and not judged", async () => {
    const files = {
      reference: csv(8000, 1, scored(Infinity, { labels: false })),
      current: csv(3000, 2, scored(0)),
    };
    const found = await backtest(files, { prediction: "decided", label: "y", window: { kind: "rows", rows: 1000 } });
    expect(of(found.result, "accuracy")).toHaveLength(3);
    expect(byMetric(found)).toEqual([]);
    expect(found.notes.join()).toContain("performance is measured, and not judged");
  });

  test("before labels arrive there is the estimate alone; without a label in the reference there is none, and it is said", async () => {
    const labelled = csv(4000, 1, scored(Infinity));
    const unlabelled = csv(2000, 2, scored(Infinity, { labels: false }));
    const window = { kind: "rows", rows: 1000 } as const;
    const early = await backtest({ reference: labelled, current: unlabelled }, { score: "p", label: "y", window });
    expect(of(early.result, "accuracy")).toHaveLength(2);
    expect(early.result.performance.every(({ realised, estimated }) => realised === null && estimated !== null)).toBe(
      true,
    );
    const never = await backtest(
      { reference: csv(4000, 3, scored(Infinity, { labels: false })), current: unlabelled },
      { score: "p", window },
    );
    expect(never.result.performance).toEqual([]);
    expect(never.notes.join("\n")).toContain("performance is not measured");
  });

  test("an estimate of a number has its errors", async () => {
    const draw =
      (noise: (row: number) => number): Draw =>
      (random, row) => {
        const x = random.normal();
        return { x, y: 10 + x, guess: 10 + x + noise(row) * random.normal() };
      };
    const files = {
      reference: csv(
        3000,
        1,
        draw(() => 0.2),
      ),
      current: csv(
        2000,
        2,
        draw((row) => (row < 1000 ? 0.2 : 1)),
      ),
    };
    const { result } = await backtest(files, { prediction: "guess", label: "y", window: { kind: "rows", rows: 1000 } });
    const [before, after] = of(result, "rmse");
    expect(before!.realised).toBeCloseTo(0.2, 1);
    expect(after!.low).toBeGreaterThan(before!.high);
    expect(of(result, "r2")[0]!.realised).toBeGreaterThan(0.9);
    expect(byMetric({ result })).toEqual(["mae in window 1"]);
  });
});

test("what files cannot be backtested is refused in one line that names the file or column, and says what to do", async () => {
  await using facts = await createTestDatabase();
  const rows = csv(40, 1, (random, row) => ({ x: random.normal(), y: row % 2, when: "later", big: 1 + row }));
  const refused = async (
    options: Partial<FileBacktestRequest>,
    files: Partial<{ reference: string; current: string }> = {},
  ) => {
    const { request, workDir } = await requestFor({ reference: rows, current: rows, ...files }, options);
    const error = await loadFiles(facts, request, workDir).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LeewayError);
    expect((error as LeewayError).exitCode).toBe(2);
    return (error as LeewayError).message;
  };
  const day = { kind: "time", lengthMs: dayMs } as const;
  expect(await refused({}, { reference: "" })).toMatch(/^backtest: reference\.csv: it is empty/);
  expect(await refused({}, { current: "x,y,when,big\n" })).toMatch(
    /^backtest: current\.csv: it has no rows; write it again/,
  );
  expect(await refused({ window: day })).toMatch(
    /no column of current\.csv looks like one; name it with --time-column/,
  );
  expect(await refused({ timeColumn: "when" })).toMatch(/no value of "when" in reference\.csv can be read as a time/);
  expect(await refused({ label: "z" })).toMatch(/--label: neither file has a column "z"/);
  expect(await refused({ label: "y", prediction: "y" })).toMatch(/column "y" cannot be both --prediction and --label/);
  expect(await refused({ score: "when" })).toMatch(/--score: "when" holds other things than numbers/);
  expect(await refused({ label: "y", prediction: "x" })).toMatch(/if it is a probability, name it with --score/);
  expect(await refused({ label: "big", score: "x" })).toMatch(
    /--label big has more than 20 different values \("1", "10", .*written alike/,
  );
  expect(
    await refused({
      columns: ["y"],
      label: "x",
      prediction: "big",
      timeColumn: null,
      types: new Map([["q", "numeric"]]),
    }),
  ).toMatch(/--types: neither file has a column "q"/);
  expect(await refused({ types: new Map([["when", "numeric"]]) })).toMatch(
    /--types: "when" is numeric, but no value of it in reference\.csv can be read as a number; say categorical/,
  );
});

describe("what is odd about files is said before anything else", () => {
  const born: Draw = (random) => ({
    x: random.normal(),
    born: `${1950 + Math.floor(60 * random.uniform())}-0${1 + Math.floor(9 * random.uniform())}-11`,
  });

  test("dates of birth are not when rows happened: the file's order stands for time", async () => {
    const files = { reference: csv(3000, 1, born), current: csv(1000, 2, born) };
    const { result, notes } = await backtest(files);
    expect(result.windows).toHaveLength(20);
    expect(notes.join()).toMatch(/column born holds times, from 195\d-.* too far apart to be when rows happened/);

    const { request, workDir } = await requestFor(files, { window: { kind: "time", lengthMs: dayMs } });
    await using facts = await createTestDatabase();
    const error = await loadFiles(facts, request, workDir).catch((thrown: unknown) => thrown);
    expect((error as LeewayError).message).toMatch(
      /more than 5,000 windows, by its column born; take a longer --window/,
    );
  });

  test("a column that the current file does not have, and values that are no numbers, are named", async () => {
    const amount: Draw = (random, row) => ({ x: random.normal(), amount: row % 50 === 0 ? "n. a." : random.normal() });
    const files = {
      reference: csv(3000, 1, (random, row) => ({ ...amount(random, row), gone: pick(random, ["a", "b"]) })),
      current: csv(1000, 2, amount),
    };
    const { notes } = await backtest(files, { types: new Map([["amount", "numeric"]]) });
    expect(notes.join()).toContain("current.csv has no column gone: in all of its rows that counts as missing");
    expect(notes.join()).toContain("60 values of amount in reference.csv are no numbers: they count as missing");
    expect(notes.join()).toContain("20 values of amount in current.csv are no numbers: they count as missing");
  });

  test("windows of more rows than there are decide nothing, and the smaller number is asked for", async () => {
    const files = { reference: csv(3000, 1, born), current: csv(500, 2, born) };
    const { result, notes } = await backtest(files, { window: { kind: "rows", rows: 900 } });
    expect(result.windows.map(({ state }) => state)).toEqual(["partial"]);
    expect(notes.join()).toContain("the current data have fewer than 900 rows; give a smaller --window-rows");
  });
});
