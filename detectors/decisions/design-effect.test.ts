import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import { pooledCounts } from "../baselines/counts.ts";
import { createRandom } from "../simulate/random.ts";
import { binningOf, countsOf } from "./binning.ts";
import { contrastsOf, effectiveSize, meanOf, type SeriesContrasts } from "./contrasts.ts";
import { designEffect, shareRowWeights } from "./design-effect.ts";
import { shareZ } from "./g-statistic.ts";
import { omnibusCells, omnibusStatistic } from "./omnibus.ts";
import { pooledWindows, recentWindow } from "./pooling.ts";

const random = createRandom(11);
const series = { role: "feature", feature: "f", version: "", slice: "" } as const;

function drawn<Value extends string | number | null>(count: number, value: () => Value, weight: () => number) {
  return {
    values: Array.from({ length: count }, value),
    weights: Array.from({ length: count }, weight),
  };
}

const lognormal = () => Math.exp(random.normal());
const category = () => `c${Math.floor(5 * random.uniform() ** 2)}`;
const number = () => (random.uniform() < 0.1 ? null : random.normal());

function referenceOf(binning: Binning, pooled: SeriesCounts): SeriesContrasts {
  return contrastsOf({ series, binning, pooled }, { omnibus: true });
}

/** Nothing known of the reference's weights: a window's own are all there is. */
function knowingNothing(contrasts: SeriesContrasts): SeriesContrasts {
  const rowWeights = { inside: 0, outside: 0 };
  return { ...contrasts, contrasts: contrasts.contrasts.map((contrast) => ({ ...contrast, rowWeights })) };
}

describe("n of weighted rows", () => {
  test("is the variance per row over the linearized variance that going through the rows gives", () => {
    for (const value of [category, number] as readonly (() => string | number | null)[]) {
      const before = drawn(5000, value, lognormal);
      const binning = binningOf(before.values);
      const contrasts = knowingNothing(referenceOf(binning, countsOf(binning, before.values, before)));
      const now = drawn(800, value, lognormal);
      const window = contrasts.project(countsOf(binning, now.values, now));
      contrasts.contrasts.forEach((contrast, c) => {
        if (contrast.form === "omnibus" || contrast.over === "present_rows" || contrast.signal === "unseen") return;
        const scores = now.values.map((of) => scoreOf(contrasts, c, binning, of));
        const used = scores.flatMap((score, row) => (score === null ? [] : [{ score, weight: now.weights[row]! }]));
        const total = used.reduce((sum, { weight }) => sum + weight, 0);
        const mean = used.reduce((sum, { score, weight }) => sum + weight * score, 0) / total;
        const variance = used.reduce((sum, { score, weight }) => sum + (weight * (score - mean)) ** 2, 0) / total ** 2;
        const { y, n } = meanOf(contrast, c, window);
        expect(y).toBeCloseTo(mean, 10);
        if (variance === 0) return;
        const perRow = contrast.form === "share" ? y * (1 - y) : contrast.variance;
        expect(perRow / n / variance).toBeCloseTo(1, 8);
      });
    }
  });

  test("is the number of rows where all weigh the same, whatever that is", () => {
    for (const weight of [1, 0.003, 20]) {
      const before = drawn(2000, category, () => weight);
      const binning = binningOf(before.values);
      const contrasts = referenceOf(binning, countsOf(binning, before.values, before));
      const now = drawn(300, category, () => weight);
      const window = contrasts.project(countsOf(binning, now.values, now));
      contrasts.contrasts.forEach((contrast, c) => {
        if (contrast.form === "omnibus") return;
        expect(contrast.referenceSize).toBeCloseTo(2000, 6);
        expect(meanOf(contrast, c, window).n).toBeCloseTo(300, 6);
      });
    }
  });

  test("is what it was without squares: counts stored before they were kept decide as they did", () => {
    const before = drawn(3000, category, lognormal);
    const binning = binningOf(before.values);
    const { squares, ...old } = countsOf(binning, before.values, before);
    expect(squares).toBeDefined();
    const contrasts = referenceOf(binning, old);
    const window = contrasts.project(old);
    expect(window).not.toHaveProperty("squares");
    contrasts.contrasts.forEach((contrast, c) => {
      expect(contrast).not.toHaveProperty("rowWeights");
      if (contrast.over !== "present") return;
      expect(contrast.referenceSize).toBe(effectiveSize(old.presentWeight, old.presentWeightSquares));
      if (contrast.form !== "omnibus") expect(meanOf(contrast, c, window).n).toBe(contrast.referenceSize);
    });
  });

  test("one heavy row makes no category: it counts as one", () => {
    const values = Array.from({ length: 28_000 }, (_, row) => (row % 100 === 0 ? "small" : `c${row % 3}`));
    const binning = binningOf(values);
    const weights = values.map(lognormal);
    const contrasts = referenceOf(binning, countsOf(binning, values, { weights }));
    const c = contrasts.contrasts.findIndex(({ name }) => name === "share of small");
    const contrast = contrasts.contrasts[c]!;
    const now = values.slice(0, 1000);
    const heavy = now.map((value, row) => (row === 0 ? 60 : value === "small" ? 1 : weights[row]!));
    expect(now[0]).toBe("small");
    const window = contrasts.project(countsOf(binning, now, { weights: heavy }));
    const { y, n } = meanOf(contrast, c, window);
    // (Σw)²/Σw² rows, none of them heavier than another, would be a finding.
    const all = effectiveSize(window.presentWeight, window.presentWeightSquares);
    expect(shareZ(y, all, contrast.reference, contrast.referenceSize, 1)).toBeGreaterThan(3.4);
    expect(shareZ(y, n, contrast.reference, contrast.referenceSize, 1)).toBeLessThan(1.5);
    // And a heavy row in a category that is new is one row too.
    const fresh = contrasts.contrasts.findIndex(({ name }) => name === "most frequent new category");
    const odd = contrasts.project(countsOf(binning, ["new", ...now.slice(1)], { weights: heavy }));
    const found = meanOf(contrasts.contrasts[fresh]!, fresh, odd);
    expect(found.y * found.n).toBeLessThan(1.1);
  });

  test("a share that is small because no heavy row came is as uncertain as the reference says", () => {
    const known = { inside: 4, outside: 1 };
    const light = shareRowWeights({ sum: 2, weight: 1000, squares: 2, weightSquares: 2000 }, known);
    expect(light.inside).toBeLessThan(1);
    expect(designEffect(0.002, light, known)).toBeCloseTo(0.998 * 4 + 0.002 * Math.max(1, light.outside), 10);
    const none = shareRowWeights({ sum: 0, weight: 1000, squares: 0, weightSquares: 2000 }, known);
    expect(designEffect(0, none, known)).toBe(4);
  });

  test("squares lie between what weights allow: never negative, never more than all", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c", null), fc.double({ min: 1e-9, max: 1e9, noNaN: true })), {
          minLength: 1,
        }),
        (rows) => {
          const values = rows.map(([value]) => value);
          const weights = rows.map(([, weight]) => weight);
          const binning: Binning = { kind: "categorical", categories: ["a", "b"], distinct: 2, singletons: 0 };
          const pooled = countsOf(binning, [...Array<string>(200).fill("a"), ...Array<string>(100).fill("b")]);
          const contrasts = referenceOf(binning, pooled);
          const window = contrasts.project(countsOf(binning, values, { weights }));
          contrasts.contrasts.forEach((contrast, c) => {
            if (contrast.form === "omnibus" || contrast.over === "present_rows") return;
            if (contrast.over === "present" && window.presentRows === 0) return;
            const { n } = meanOf(contrast, c, window);
            expect(n).toBeGreaterThan(0);
            // As many rows as there are, but for what is taken from the squares by rounding.
            expect(n).toBeLessThanOrEqual(rows.length * (1 + 1e-6));
          });
        },
      ),
    );
  });
});

describe("windows added up", () => {
  test("have the squares of all their rows; those of a window without weights are its counts", () => {
    const before = drawn(4000, category, lognormal);
    const binning = binningOf(before.values);
    const contrasts = referenceOf(binning, countsOf(binning, before.values, before));
    const weighted = drawn(500, category, lognormal);
    const plain = drawn(400, category, () => 1);
    const counts = [countsOf(binning, weighted.values, weighted), countsOf(binning, plain.values)];
    const together = contrasts.project(
      countsOf(binning, [...weighted.values, ...plain.values], {
        weights: [...weighted.weights, ...plain.weights],
      }),
    );
    const recent = counts.map((one, index) => recentWindow(index, contrasts.project(one)));
    expect(recent[1]).not.toHaveProperty("squares");
    // What a state stores and reads again adds up to the same.
    const pooled = pooledWindows(contrasts, JSON.parse(JSON.stringify(recent)) as typeof recent, -1);
    const counted = contrasts.project(pooledCounts(counts, binning));
    contrasts.contrasts.forEach(({ form, over }, c) => {
      if (form === "omnibus" || over === "present_rows" || contrasts.contrasts[c]!.signal === "unseen") return;
      expect(pooled.squares![c]).toBeCloseTo(together.squares![c]!, 6);
      expect(counted.squares![c]).toBeCloseTo(together.squares![c]!, 6);
    });
  });
});

test("the omnibus of weighted rows is about its degrees of freedom where nothing moved", () => {
  const before = drawn(28_000, category, lognormal);
  const binning = binningOf(before.values);
  const contrasts = referenceOf(binning, countsOf(binning, before.values, before));
  const cells = omnibusCells(contrasts, 370)!;
  const windows = 300;
  let ratio = 0;
  for (let window = 0; window < windows; window += 1) {
    const now = drawn(1000, category, lognormal);
    const sums = contrasts.project(countsOf(binning, now.values, now));
    const { xSquare, degreesOfFreedom } = omnibusStatistic(contrasts, cells, sums, { oneSample: false });
    ratio += xSquare / degreesOfFreedom / windows;
  }
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.1);
});

/** A contrast's score of one value; null if the value is none of what it is a mean over. */
function scoreOf(contrasts: SeriesContrasts, c: number, binning: Binning, value: string | number | null) {
  const { over } = contrasts.contrasts[c]!;
  if (over === "all") return value === null ? 1 : 0;
  if (value === null) return null;
  return contrasts.project(countsOf(binning, [value])).sums[c]!;
}
