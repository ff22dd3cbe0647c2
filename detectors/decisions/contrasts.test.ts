import { describe, expect, it } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { binningOf, countsOf, type Value } from "./binning.ts";
import { contrastsOf, meanOf } from "./contrasts.ts";
import { omnibusCells, omnibusStatistic } from "./omnibus.ts";

function contrasts(values: readonly Value[], options: { slice?: string; weights?: number[] } = {}) {
  const binning = binningOf(values);
  const series = { role: "feature", feature: "f", version: "", slice: options.slice ?? "" } as const;
  const pooled = countsOf(binning, values, options.weights === undefined ? {} : { weights: options.weights });
  const made = contrastsOf({ series, binning, pooled }, { omnibus: series.slice === "" });
  return { ...made, binning, names: made.contrasts.map(({ name }) => name) };
}

const of = (counts: Record<string, number>) =>
  Object.entries(counts).flatMap(([category, count]) => Array.from({ length: count }, () => category));
const ramp = Array.from({ length: 1000 }, (_, i) => i);

describe("a number", () => {
  it("has a location, a spread and nine decile shares with 0.5, 0.2 and 0.3 of the α", () => {
    const { contrasts: list, names } = contrasts(ramp);
    expect(names.slice(0, 3)).toEqual(["location", "spread", "share of values up to 99.9"]);
    const distribution = list.filter(({ signal }) => signal === "distribution");
    expect(distribution).toHaveLength(11);
    expect(distribution.map(({ share }) => share)).toEqual([0.5, 0.2, ...Array.from({ length: 9 }, () => 0.3 / 9)]);
    expect(list[0]!.reference).toBeCloseTo(0.5, 12);
    expect(list[0]!.variance).toBeCloseTo(1 / 12, 4);
    expect(list[2]!.reference).toBeCloseTo(0.1, 12);
  });

  it("collapses deciles that fall on one value", () => {
    const { contrasts: list } = contrasts([...Array.from({ length: 750 }, () => 0), ...ramp.slice(1, 251)]);
    const deciles = list.filter(({ name }) => name.startsWith("share of values"));
    expect(deciles.map(({ reference }) => Number(reference.toFixed(2)))).toEqual([0.75, 0.8, 0.9]);
    expect(deciles[0]!.share).toBeCloseTo(0.1, 12);
  });

  it("puts values outside the reference into the end bins: all above raises the mean rank to the top", () => {
    const { binning, ...made } = contrasts(ramp);
    const window = made.project(countsOf(binning, [5000, 1e9]));
    expect(meanOf(made.contrasts[0]!, 0, window).y).toBeGreaterThan(0.99);
  });

  it("a shift of 0.1σ of a normal moves about 4 % of the rows", () => {
    // Φ(0.1/√2) − 0.5 = 0.0282 of mean rank, times √2
    const { multiplier } = contrasts(ramp).contrasts[0]!;
    expect(multiplier * 0.0282).toBeCloseTo(0.04, 3);
  });
});

describe("a category", () => {
  it("of two values is one contrast with all the α", () => {
    const { contrasts: list, names } = contrasts(of({ no: 900, yes: 100 }));
    expect(names).toEqual(["share of no", "missing share", "most frequent new category", "number of new categories"]);
    expect(list[0]!.share).toBe(1);
  });

  it("of one kept value and rare ones counts as two", () => {
    const { names } = contrasts(of({ a: 500, b: 20, c: 10 }));
    expect(names[0]).toBe("share of a");
    expect(names[1]).toBe("missing share");
  });

  it("that is constant in the reference has no distribution: any other value is unseen", () => {
    const { names, binning, ...made } = contrasts(of({ only: 500 }));
    expect(names).toEqual(["missing share", "most frequent new category", "number of new categories"]);
    const window = made.project(countsOf(binning, ["only", "other", "other"]));
    expect(meanOf(made.contrasts[1]!, 1, window).y).toBeCloseTo(2 / 3, 12);
    expect(contrasts(Array.from({ length: 500 }, () => 7)).kind).toBe("categorical");
    expect(made.nothingKept).toBe(false);
  });

  it("with nothing frequent enough has only missing and unseen", () => {
    const { names, nothingKept } = contrasts(Array.from({ length: 500 }, (_, i) => `id-${i}`));
    expect(names).toEqual(["missing share", "most frequent new category", "number of new categories"]);
    expect(nothingKept).toBe(true);
  });

  it("keeps at most 30, each seen at least 25 times; ties by count, then by bytes; the rest, unseen included, is rare", () => {
    const categories = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`c${String(39 - i).padStart(2, "0")}`, 30]),
    );
    const made = contrasts(of({ ...categories, few: 24 }));
    expect(made.names.slice(0, 3)).toEqual(["share of c00", "share of c01", "share of c02"]);
    expect(made.names.slice(29, 32)).toEqual(["share of c29", "share of rare categories", "omnibus"]);
    // rare counts in J: 30 kept + rare share 0.75 evenly, the omnibus has the rest
    expect(made.contrasts[0]!.share).toBeCloseTo(0.75 / 31, 12);
    expect(made.contrasts[31]!.share).toBe(0.25);
    const window = made.project(countsOf(made.binning, ["c00", "c35", "few", "never seen"]));
    expect(meanOf(made.contrasts[30]!, 30, window).y).toBeCloseTo(3 / 4, 12);
  });

  it("has no rare contrast when every reference row is kept, and none of its α is lost", () => {
    const { names, contrasts: list } = contrasts(of({ a: 100, b: 100, c: 100 }));
    expect(names.slice(0, 4)).toEqual(["share of a", "share of b", "share of c", "omnibus"]);
    expect(list[0]!.share).toBeCloseTo(0.25, 12);
  });

  it("has no omnibus in a slice", () => {
    expect(contrasts(of({ a: 100, b: 100, c: 100 }), { slice: "state=NY" }).omnibus).toBe(-1);
  });

  it("expects as many distinct new categories as there are singletons, and none of them often", () => {
    const { contrasts: list, names } = contrasts(of({ a: 480, b: 10, c: 1, d: 1, e: 8 }));
    const distinct = list[names.indexOf("number of new categories")]!;
    const top = list[names.indexOf("most frequent new category")]!;
    expect(distinct.reference).toBeCloseTo(2 / 500, 12);
    expect(top.reference).toBe(0);
    expect(top.share).toBeCloseTo(0.7 / 5, 12);
    expect([distinct.oneSided, top.oneSided]).toEqual([true, true]);
  });
});

describe("missing values", () => {
  it("are a share of all rows, with nulls and non-finite values alike, and no part of the distribution", () => {
    const { binning, ...made } = contrasts([...ramp, null, NaN]);
    const index = made.contrasts.findIndex(({ signal }) => signal === "missing");
    const window = made.project(countsOf(binning, [1, null, Infinity, 2]));
    expect(meanOf(made.contrasts[index]!, index, window)).toEqual({ y: 0.5, n: 4 });
    expect(meanOf(made.contrasts[0]!, 0, window).n).toBe(2);
  });

  it("in the whole reference column leave only the missing signal", () => {
    expect(contrasts(Array.from({ length: 500 }, () => null)).names).toEqual(["missing share"]);
  });
});

it("with weights, shares are weighted and n is what their variance says", () => {
  const values = of({ a: 100, b: 100 });
  const weights = values.map((value) => (value === "a" ? 3 : 1));
  const { contrasts: list } = contrasts(values, { weights });
  expect(list[0]!.reference).toBeCloseTo(0.75, 12);
  // (Σw)²·y(1 − y)/Σw²(1{category} − y)²
  const squares = 100 * (3 * 0.25) ** 2 + 100 * 0.75 ** 2;
  expect(list[0]!.referenceSize).toBeCloseTo((400 ** 2 * 0.75 * 0.25) / squares, 9);
});

describe("the omnibus", () => {
  const made = contrasts(of({ a: 500, b: 300, c: 150, d: 50 }));

  it("has a cell per kept category that an ordinary window expects 5 of, and one for all else", () => {
    expect(omnibusCells(made, 1000)).toEqual({ kept: 4, rest: false });
    expect(omnibusCells(made, 60)).toEqual({ kept: 3, rest: false });
    expect(omnibusCells(made, 20)).toEqual({ kept: 2, rest: false });
    expect(omnibusCells(made, 3)).toBeNull();
    const rare = contrasts(
      of({ a: 500, b: 300, c: 150, ...Object.fromEntries(ramp.slice(0, 50).map((i) => [`r${i}`, 1])) }),
    );
    expect(omnibusCells(rare, 200)).toEqual({ kept: 3, rest: true });
  });

  it("is Pearson's X² of both samples in live windows, and of one against fixed shares inside the reference", () => {
    const window = made.project(countsOf(made.binning, of({ a: 40, b: 30, c: 20, d: 10 })));
    const cells = { kept: 4, rest: false };
    const two = omnibusStatistic(made, cells, window, { oneSample: false });
    // SciPy 1.17.1: stats.chi2_contingency([[500,300,150,50],[40,30,20,10]]).statistic, stats.chisquare([40,30,20,10], [50,30,15,5]).statistic
    expect(two.xSquare).toBeCloseTo(7.489106753812636, 9);
    expect(two.degreesOfFreedom).toBe(3);
    expect(two.totalVariation).toBeCloseTo(0.1, 12);
    expect(omnibusStatistic(made, cells, window, { oneSample: true }).xSquare).toBeCloseTo(8.666666666666668, 9);
  });

  it("has G² with Williams' correction beside it", () => {
    const window = made.project(countsOf(made.binning, of({ a: 40, b: 30, c: 20, d: 10 })));
    const { gSquare } = omnibusStatistic(made, { kept: 4, rest: false }, window, { oneSample: false });
    // SciPy 1.17.1: stats.chi2_contingency([[500,300,150,50],[40,30,20,10]], lambda_="log-likelihood").statistic over
    // q = 1 + (1100/100 + 1100/1000 − 1)·(1100/540 + 1100/330 + 1100/170 + 1100/60 − 1)/(6·1100·3) (Williams 1976, eq. 7).
    expect(gSquare).toBeCloseTo(6.635907301813803, 9);
  });

  it("G² passes far out as often as it should where cells expect few rows, X² does not", () => {
    // A Zipf of 1,000 categories in windows of 200: the five most frequent, and all others.
    const harmonic = Array.from({ length: 1000 }, (_, i) => 1 / (i + 1)).reduce((sum, one) => sum + one, 0);
    const counts = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`c${String(i).padStart(4, "0")}`, Math.round(1e6 / (i + 1) / harmonic)]),
    );
    const zipf = contrasts(of(counts));
    const cells = omnibusCells(zipf, 200)!;
    const shares = Array.from({ length: cells.kept }, (_, i) => zipf.contrasts[zipf.keptShares[i]!]!.reference);
    const random = createRandom(1976);
    const passed = { xSquare: 0, gSquare: 0 };
    const windows = 60_000;
    const critical = 20.515; // χ²₅ at 10⁻³
    expect(cells).toEqual({ kept: 5, rest: true });
    const blank = zipf.project(countsOf(zipf.binning, of({ c0000: 200 })));
    for (let w = 0; w < windows; w += 1) {
      const sums = blank.sums.map(() => 0);
      for (let row = 0; row < 200; row += 1) {
        let u = random.uniform();
        const cell = shares.findIndex((share) => (u -= share) < 0);
        if (cell >= 0) sums[zipf.keptShares[cell]!]! += 1;
      }
      const statistic = omnibusStatistic(zipf, cells, { ...blank, sums }, { oneSample: false });
      if (statistic.xSquare > critical) passed.xSquare += 1;
      if (statistic.gSquare > critical) passed.gSquare += 1;
    }
    // 60 are due; three standard errors are 23.
    expect(passed.gSquare).toBeLessThan(60 * 1.2 + 23);
    expect(passed.xSquare).toBeGreaterThan(60 + 23);
  });
});
