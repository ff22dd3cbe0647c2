import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { dayMs } from "../../core/window.ts";
import { insertBaselineSeries } from "./baselines.ts";
import { createBinnings } from "./binnings.ts";
import type { Facts } from "./client.ts";
import { readProfiles, writeProfiles } from "./profiles.ts";
import { featureExpressions, resultExpressions } from "./series-expressions.ts";
import { binCount } from "./slots.ts";
import { createTestDatabase } from "./test-database.ts";
import { generateEvents } from "./test-events.ts";

const startMs = Date.UTC(2026, 2, 1);
const fields = [
  { name: "amount", type: "numeric" },
  { name: "step", type: "numeric" },
  { name: "flag", type: "numeric" },
  { name: "city", type: "categorical" },
] as const;
const features = fields.map((field) => ({ ...field, unit: null }));
const narrow = createFeatureSchema("m", fields);
const turned = createFeatureSchema("m", fields.toReversed());

// Values with many ties, so that edges are hit; broken and missing values; categories that only the live day knows.
const amount = "multiIf(i % 11 = 0, NULL, i % 97 = 0, nan, i % 101 = 0, inf, (sipHash64(i) % 4001) / 7 - 200)";
const step = "if(i % 13 = 0, NULL, toFloat64(sipHash64(i, 2) % 9))";
const flag = "if(i % 17 = 0, NULL, toFloat64(i % 2))";
const city = (known: number) => `if(i % 7 = 0, NULL, concat('c', toString(sipHash64(i, 3) % ${known})))`;

async function fill(facts: Facts, weight: string): Promise<void> {
  const common = { model: "m", stepMs: 20_000, count: 4320, weight };
  await generateEvents(facts, {
    ...common,
    schemaId: narrow.schemaId,
    fromMs: startMs,
    num: [amount, step, flag],
    cat: [city(40)],
  });
  // The live day is written by two producers whose schemas name the same features in another order.
  const live = { ...common, fromMs: startMs + dayMs };
  await generateEvents(facts, {
    ...live,
    schemaId: narrow.schemaId,
    where: "i % 3 != 0",
    num: [amount, step, "toFloat64(i % 3)"],
    cat: [city(45)],
  });
  await generateEvents(facts, {
    ...live,
    schemaId: turned.schemaId,
    where: "i % 3 = 0",
    num: ["toFloat64(i % 3)", step, amount],
    cat: [city(45)],
  });
}

interface Row {
  readonly weight: number;
  readonly value: number | string | null;
}

/** The same counts, the slow way. */
function bruteForce(rows: readonly Row[], binning: Awaited<ReturnType<typeof createBinnings>>[number]) {
  const sum = (of: readonly Row[], power = 1) => of.reduce((total, row) => total + row.weight ** power, 0);
  const missing = rows.filter((row) => row.value === null);
  const nonFinite = rows.filter((row) => typeof row.value === "number" && !Number.isFinite(row.value));
  const present = rows.filter((row) => !missing.includes(row) && !nonFinite.includes(row));
  const bins = new Map<number, number>();
  const binSquares = new Map<number, number>();
  const unseen = new Map<string, number>();
  const unseenSquares = new Map<string, number>();
  for (const { value, weight } of present) {
    const bin =
      binning.kind === "numeric"
        ? binning.edges.filter((edge) => edge < (value as number)).length
        : binning.categories.indexOf(String(value));
    const [sums, squares, key] =
      bin < 0 ? ([unseen, unseenSquares, String(value)] as const) : ([bins, binSquares, bin] as const);
    for (const [map, amount] of [[sums, weight] as const, [squares, weight ** 2] as const]) {
      const counted = map as Map<number | string, number>;
      counted.set(key, (counted.get(key) ?? 0) + amount);
    }
  }
  const numbers = binning.kind === "numeric" ? present.map((row) => row.value as number) : [];
  const top = [...unseen].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
  return {
    rows: rows.length,
    weight: sum(rows),
    weightSquares: sum(rows, 2),
    presentRows: present.length,
    presentWeight: sum(present),
    presentWeightSquares: sum(present, 2),
    missing: sum(missing),
    nonFinite: sum(nonFinite),
    bins: [...bins].toSorted((a, b) => a[0] - b[0]),
    squares: {
      bins: [...binSquares].toSorted((a, b) => a[0] - b[0]),
      unseenTop: top === undefined ? 0 : unseenSquares.get(top[0])!,
    },
    unlisted: 0,
    unseen: [...unseen.values()].reduce((total, weight) => total + weight, 0),
    unseenTop: top?.[1] ?? 0,
    unseenTopValue: top?.[0] ?? null,
    unseenDistinct: unseen.size,
    min: numbers.length === 0 ? null : Math.min(...numbers),
    max: numbers.length === 0 ? null : Math.max(...numbers),
    sum: present.reduce((total, row) => total + (numbers.length === 0 ? 0 : row.weight * (row.value as number)), 0),
    sumSquares: present.reduce(
      (total, row) => total + (numbers.length === 0 ? 0 : row.weight * (row.value as number) ** 2),
      0,
    ),
  };
}

async function valuesOf(facts: Facts, sql: string, day: number): Promise<Row[]> {
  const rows = await facts.query<{ weight: number; text: string | null; is_number: number }>(
    `SELECT weight, toString(${sql}) AS text, toTypeName(${sql}) LIKE '%Float%' AS is_number FROM events
     WHERE model = 'm' AND toDate(event_time) = toDate(fromUnixTimestamp64Milli({at:Int64}, 'UTC'))`,
    { at: startMs + day * dayMs },
  );
  const number = (text: string) =>
    text === "nan" ? Number.NaN : text === "inf" ? Number.POSITIVE_INFINITY : Number(text);
  return rows.map(({ weight, text, is_number }) => ({
    weight,
    value: text === null ? null : is_number ? number(text) : text,
  }));
}

test.each([
  ["without weights", "1"],
  ["with weights", "1 + i % 4 / 2"],
])("a profile holds exactly the counts that going through the rows gives, %s", async (_, weight) => {
  await using facts = await createTestDatabase();
  await fill(facts, weight);
  const reference = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
  const expressions = featureExpressions(features, [narrow, turned]);
  const binnings = await createBinnings(facts, reference, expressions);
  expect(binnings.map(({ kind }) => kind)).toEqual(["numeric", "numeric", "categorical", "categorical"]);
  await insertBaselineSeries(
    facts,
    "b",
    expressions.map((expression, index) => ({ ...expression, version: "", binning: binnings[index]! })),
    startMs,
  );
  const series = expressions.map((expression, index) => ({
    ...expression,
    binning: binnings[index]!,
    binningVersion: "",
  }));
  for (const [day, kind] of (["reference", "live"] as const).entries()) {
    const window = { startMs: startMs + day * dayMs, endMs: startMs + (day + 1) * dayMs };
    await writeProfiles(facts, {
      rows: { environment: "production", model: "m" },
      environment: "production",
      baselineId: "b",
      kind,
      revision: 0,
      windows: [window],
      series,
      slices: [],
      resultsByVersion: false,
      weighted: weight !== "1",
      reference,
      computedAtMs: startMs,
      expiresOn: "2149-06-01",
    });
    const profiles = await readProfiles(
      facts,
      {
        environment: "production",
        model: "m",
        baselineId: "b",
        kind,
        fromMs: window.startMs,
        toMs: window.endMs,
      },
      ({ feature }) => binCount(series.find((one) => one.feature === feature)!.binning),
    );
    expect(profiles).toHaveLength(series.length);
    for (const [index, { feature, sql }] of expressions.entries()) {
      const stored = profiles.find((profile) => profile.series.feature === feature)!;
      const expected = bruteForce(await valuesOf(facts, sql, day), binnings[index]!);
      const { bins: dense, squares: storedSquares, ...counts } = stored.counts;
      const { bins, squares, sum, sumSquares, ...exact } = expected;
      expect(stored.window).toEqual(window);
      expect(counts).toMatchObject(exact);
      const filled = (of: ArrayLike<number>) =>
        Array.from(of, (weight, bin) => [bin, weight]).filter(([, weight]) => weight !== 0);
      expect(filled(dense)).toEqual(bins);
      expect(storedSquares && { ...storedSquares, bins: filled(storedSquares.bins) }).toEqual(
        weight === "1" ? undefined : squares,
      );
      expect(dense).toHaveLength(binCount(binnings[index]!));
      expect(counts.sum).toBeCloseTo(sum, 4);
      expect(counts.sumSquares / Math.max(1, sumSquares)).toBeCloseTo(sumSquares === 0 ? 0 : 1, 9);
    }
  }
});

test("squares are stored for weighted rows alone; profiles without them are read as they were", async () => {
  await using facts = await createTestDatabase();
  const common = { model: "m", schemaId: narrow.schemaId, stepMs: 20_000, count: 4320, num: [amount, step, flag] };
  await generateEvents(facts, { ...common, fromMs: startMs, cat: [city(40)] });
  await generateEvents(facts, { ...common, fromMs: startMs + dayMs, cat: [city(45)], weight: "1 + i % 4 / 2" });
  const reference = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
  const expressions = featureExpressions(features, [narrow]);
  const binnings = await createBinnings(facts, reference, expressions);
  const series = expressions.map((one, index) => ({ ...one, binning: binnings[index]!, binningVersion: "" }));
  await insertBaselineSeries(
    facts,
    "b",
    series.map((one) => ({ ...one, version: "" })),
    startMs,
  );
  const of = { environment: "production", model: "m", baselineId: "b", kind: "live" } as const;
  const profiles = async (day: number, revision: number, weighted: boolean | null) => {
    const window = { startMs: startMs + day * dayMs, endMs: startMs + (day + 1) * dayMs };
    const written = { ...of, revision, windows: [window], series, slices: [], resultsByVersion: false, reference };
    const when = { computedAtMs: startMs, expiresOn: "2149-06-01" };
    if (weighted !== null) {
      const rows = { environment: "production", model: "m" };
      await writeProfiles(facts, { ...written, ...when, rows, weighted });
    }
    return readProfiles(facts, { ...of, fromMs: window.startMs, toMs: window.endMs }, ({ feature }) =>
      binCount(series.find((one) => one.feature === feature)!.binning),
    );
  };
  const squareRows = () => facts.query<{ count: number }>("SELECT count() AS count FROM profile_weight_squares");

  const plain = await profiles(0, 0, false);
  expect(plain).toHaveLength(series.length);
  expect(plain.filter(({ counts }) => "squares" in counts)).toEqual([]);
  expect(await squareRows()).toEqual([{ count: 0 }]);

  const weighted = await profiles(1, 0, true);
  expect(weighted.every(({ counts }) => counts.squares !== undefined)).toBe(true);
  expect(await squareRows()).toEqual([{ count: series.length }]);
  // Again under the same name, as after a crash between the two passes, nothing is counted twice.
  expect(await profiles(1, 0, true)).toEqual(weighted);

  // As a program stored them that kept no squares; the next revision has them.
  await facts.command("TRUNCATE TABLE profile_weight_squares");
  const before = weighted.map(({ counts: { squares: _, ...counts }, ...profile }) => ({ ...profile, counts }));
  expect(await profiles(1, 0, null)).toEqual(before);
  const revised = await profiles(1, 1, true);
  expect(revised.map(({ counts }) => counts)).toEqual(weighted.map(({ counts }) => counts));
});

test("bins are distinct type-7 quantiles, and each decile points at its edge", async () => {
  await using facts = await createTestDatabase();
  await generateEvents(facts, {
    model: "m",
    schemaId: narrow.schemaId,
    fromMs: startMs,
    stepMs: 1000,
    count: 1281,
    num: ["toFloat64(i)", "toFloat64(intDiv(i, 600))", "1"],
    cat: ["'x'"],
  });
  const scope = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
  const [even, ties] = await createBinnings(facts, scope, featureExpressions(features, [narrow]));
  if (even?.kind !== "numeric" || ties?.kind !== "numeric") throw new Error("numbers are expected");
  // Over 0…1280 the type-7 quantile at p is 1280 p: i/128 gives 10 i, j/10 gives 128 j.
  expect(even.edges).toHaveLength(135);
  expect(even.edges.slice(0, 4)).toEqual([10, 20, 30, 40]);
  expect(even.decileEdges.map((index) => even.edges[index])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((j) => 128 * j));
  expect(ties.edges).toEqual([0, 1, 2]);
  expect(ties.decileEdges).toEqual([0, 1]);
});

test("categories beyond the listed ones are unlisted, not unseen", async () => {
  await using facts = await createTestDatabase();
  const events = { model: "m", schemaId: narrow.schemaId, stepMs: 5000, num: ["1", "1", "1"] };
  await generateEvents(facts, { ...events, fromMs: startMs, count: 6000, cat: ["concat('c', toString(i % 5500))"] });
  await generateEvents(facts, {
    ...events,
    fromMs: startMs + dayMs,
    count: 1000,
    cat: ["if(i < 100, concat('new', toString(i % 10)), concat('c', toString(800 + i % 200)))"],
  });
  const reference = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
  const [expression] = featureExpressions([{ name: "city", type: "categorical", unit: null }], [narrow]);
  const [binning] = await createBinnings(facts, reference, [expression!]);
  if (binning?.kind !== "categorical") throw new Error("categories are expected");
  expect(binning).toMatchObject({ distinct: 5500, singletons: 5000 });
  expect(binning.categories).toHaveLength(5000);
  await insertBaselineSeries(facts, "b", [{ role: "feature", feature: "city", version: "", binning }], startMs);
  const window = { startMs: startMs + dayMs, endMs: startMs + 2 * dayMs };
  await writeProfiles(facts, {
    rows: { environment: "production", model: "m" },
    environment: "production",
    baselineId: "b",
    kind: "live",
    revision: 0,
    windows: [window],
    series: [{ ...expression!, binning, binningVersion: "" }],
    slices: [],
    resultsByVersion: false,
    weighted: false,
    reference,
    computedAtMs: startMs,
    expiresOn: "2149-06-01",
  });
  const [profile] = await readProfiles(
    facts,
    {
      environment: "production",
      model: "m",
      baselineId: "b",
      kind: "live",
      fromMs: window.startMs,
      toMs: window.endMs,
    },
    () => binCount(binning),
  );
  const listed = new Set(binning.categories);
  const expectedUnlisted = Array.from({ length: 900 }, (_, index) => `c${800 + ((index + 100) % 200)}`).filter(
    (category) => !listed.has(category),
  ).length;
  expect(expectedUnlisted).toBeGreaterThan(0);
  expect(profile?.counts).toMatchObject({ unlisted: expectedUnlisted, unseen: 100, unseenDistinct: 10, unseenTop: 10 });
});

test.each([
  ["without weights", "1"],
  ["with weights", "1 + i % 4 / 2"],
])(
  "one statement for rows of one version counts what two count, slices and results included, %s",
  async (_, weight) => {
    await using facts = await createTestDatabase();
    const num = [amount, step, flag];
    const common = { model: "m", schemaId: narrow.schemaId, stepMs: 20_000, count: 4320, num, weight };
    const result = { score: "sipHash64(i) % 97 / 97", predictionClass: "if(i % 5 = 0, 'yes', 'no')" };
    const cohorts = { region: "i % 3" };
    await generateEvents(facts, { ...common, ...result, cohorts, fromMs: startMs, cat: [city(40)] });
    await generateEvents(facts, { ...common, ...result, cohorts, fromMs: startMs + dayMs, cat: [city(45)] });
    const reference = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
    const task = { kind: "binary", positive: "yes", labelDelayMs: dayMs, labelWindowMs: dayMs } as const;
    const expressions = [...featureExpressions(features, [narrow]), ...resultExpressions(task)];
    const binnings = await createBinnings(facts, reference, expressions);
    const series = expressions.map((one, index) => ({ ...one, binning: binnings[index]!, binningVersion: "" }));
    await insertBaselineSeries(
      facts,
      "b",
      series.map((one) => ({ ...one, version: "" })),
      startMs,
    );
    const window = { startMs: startMs + dayMs, endMs: startMs + 2 * dayMs };
    const of = { environment: "production", model: "m", baselineId: "b", kind: "live" } as const;
    const profiles = async (revision: number, versions: readonly string[] | undefined) => {
      await writeProfiles(facts, {
        ...of,
        rows: { environment: "production", model: "m" },
        revision,
        windows: [window],
        series,
        slices: [{ attribute: "region", sql: "toString(cohorts['region'])", values: ["0", "2"] }],
        resultsByVersion: true,
        ...(versions !== undefined && { versions }),
        weighted: weight !== "1",
        reference,
        computedAtMs: startMs,
        expiresOn: "2149-06-01",
      });
      const stored = await readProfiles(facts, { ...of, fromMs: window.startMs, toMs: window.endMs }, ({ feature }) =>
        binCount(series.find((one) => one.feature === feature)!.binning),
      );
      expect(new Set(stored.map((one) => one.revision))).toEqual(new Set([revision]));
      // Sums of doubles depend on the order of the rows, which threads share.
      return stored.map(({ series: profiled, counts: { sum, sumSquares, ...counts } }) => ({
        profiled,
        counts,
        sums: [sum.toPrecision(10), sumSquares.toPrecision(10)],
      }));
    };
    const [two, one] = [await profiles(1, undefined), await profiles(2, ["v1"])];
    expect(one).toEqual(two);
    expect(one.filter(({ profiled }) => profiled.version === "v1").map(({ profiled }) => profiled.role)).toEqual([
      "class",
      "score",
    ]);
    expect(new Set(one.map(({ profiled }) => profiled.slice))).toEqual(new Set(["", "region=0", "region=2"]));
    expect(one).toHaveLength(3 * features.length + 2);
  },
);
