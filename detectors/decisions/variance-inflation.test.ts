import { describe, expect, it } from "vitest";
import { createRandom } from "../simulate/random.ts";
import {
  initialPrior,
  learnPrior,
  longHorizonFactor,
  phiGrid,
  serialDependence,
  writeFallback,
  writePosterior,
} from "./variance-inflation.ts";

const posterior = new Float64Array(phiGrid.length);

/** Histories of contrasts whose r² are φ times a chi-square's. */
function histories(phis: readonly number[], df: number, seed: number) {
  const random = createRandom(seed);
  return phis.map((phi) => {
    let q = 0;
    for (let i = 0; i < df; i += 1) q += phi * random.normal() ** 2;
    return { q, df };
  });
}

describe("the prior over φ", () => {
  it("starts at 0.9 on independent rows", () => {
    expect(initialPrior()[0]).toBeCloseTo(0.9, 12);
    expect(initialPrior().reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  it("ends with nearly all weight on 1 when rows are independent, though 9 windows alone could not tell", () => {
    const prior = learnPrior(
      histories(
        Array.from({ length: 300 }, () => 1),
        9,
        1,
      ),
    );
    expect(prior[0]).toBeGreaterThan(0.97);
  });

  it("ends near the truth when all rows are clustered", () => {
    const prior = learnPrior(
      histories(
        Array.from({ length: 300 }, () => 4.6),
        27,
        2,
      ),
    );
    const mean = prior.reduce((sum, weight, i) => sum + weight * phiGrid[i]!, 0);
    expect(mean).toBeGreaterThan(4);
    expect(mean).toBeLessThan(5.3);
    expect(prior[0]).toBeLessThan(0.01);
  });

  it("gives a seasonal feature its own weight without punishing the others", () => {
    const all = histories([...Array.from({ length: 300 }, () => 1), 64], 27, 3);
    const prior = learnPrior(all);
    expect(writePosterior(posterior, 0, all[300]!, prior)).toBeGreaterThan(30);
    expect(writePosterior(posterior, 0, all[0]!, prior)).toBeLessThan(1.2);
  });

  it("believes the largest φ of a history beyond the grid", () => {
    const prior = learnPrior([{ q: 1e9, df: 10 }]);
    expect(writePosterior(posterior, 0, { q: 1e9, df: 10 }, prior)).toBeCloseTo(16384, 0);
  });
});

it("gives a contrast that cannot learn the smallest φ with nine tenths of the prior below or at it", () => {
  expect(writeFallback(posterior, 0, initialPrior())).toBe(1);
  const mixed = phiGrid.map((_, i) => (i === 0 ? 0.8 : i === 4 ? 0.15 : i === 9 ? 0.05 : 0));
  expect(writeFallback(posterior, 0, mixed)).toBe(4);
  expect([...posterior].filter((weight) => weight > 0)).toEqual([1]);
  const mostlyHopeless = phiGrid.map((_, i) => (i === 0 ? 0.3 : i === 4 ? 0.1 : i === 17 ? 0.6 : 0));
  expect(writeFallback(posterior, 0, mostlyHopeless)).toBe(4096);
  expect(writeFallback(posterior, 0, mostlyHopeless, 1000 / 30)).toBe(4);
  expect(writeFallback(posterior, 0, mostlyHopeless, 0.5)).toBe(1);
});

describe("serial dependence ρ", () => {
  it("is 0 without any excess, whatever the noise of the products", () => {
    expect(serialDependence([{ q: 10, df: 10, s: -2 }])).toBe(0);
    expect(serialDependence([])).toBe(0);
  });

  it("is near 1 when consecutive windows share their excess, and then pooling h windows keeps it h-fold", () => {
    const rho = serialDependence(Array.from({ length: 20 }, () => ({ q: 50, df: 10, s: 39 })));
    expect(rho).toBeGreaterThan(0.9);
    expect(longHorizonFactor(1, 7)).toBe(7);
    expect(longHorizonFactor(0, 7)).toBe(1);
  });
});
