import { describe, expect, test } from "vitest";
import { brokenLevel, rateInterval, shareInterval } from "./interval.ts";
import { measuredOf } from "./measured.ts";
import type { Run } from "./run.ts";
import { scenarioNamed } from "./scenarios.ts";

const monitoring = { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 };
const run = (more: Partial<Run>): Run => ({
  incidents: 0,
  growths: 0,
  worsened: 0,
  findings: 0,
  foundIn: null,
  ...more,
});
const runs = (count: number, more: (index: number) => Partial<Run>) =>
  Array.from({ length: count }, (_, index) => run(more(index)));
const verdicts = (scenario: string, of: readonly Run[], budget = monitoring) =>
  measuredOf(scenarioNamed(scenario), of, budget, monitoring).measured.map(({ verdict }) => verdict);

describe("intervals", () => {
  test("no event in 100 model-weeks leaves up to 3.69 of them possible (Garwood 1936)", () => {
    const { low, high } = rateInterval(new Array(25).fill(0), 4);
    expect(low).toBe(0);
    expect(high).toBeCloseTo(0.03689, 4);
  });

  test("ten events: 4.80 to 18.39", () => {
    const { low, high } = rateInterval([...new Array(10).fill(1), ...new Array(990).fill(0)], 1);
    expect(1000 * low).toBeCloseTo(3.8, 0);
    expect(1000 * high).toBeCloseTo(18.39, 1);
  });

  test("a share of 10 in 100: 5.5 to 17.4 % (Wilson 1927), and wider where it must be surer", () => {
    expect(shareInterval(10, 100).low).toBeCloseTo(0.0552, 3);
    expect(shareInterval(10, 100).high).toBeCloseTo(0.1744, 3);
    expect(shareInterval(10, 100, brokenLevel).high).toBeGreaterThan(0.2);
  });
});

describe("a bar", () => {
  test("is held, open or broken by what the interval shows", () => {
    const rare = runs(600, (index) => ({ incidents: Number(index % 20 === 0) }));
    expect(verdicts("iid", rare)[0]).toBe("held");
    expect(verdicts("iid", rare.slice(0, 20))[0]).toBe("open");
    expect(
      verdicts(
        "iid",
        runs(600, () => ({ incidents: 1 })),
      )[0],
    ).toBe("broken");
  });

  test("on false incidents follows the budget; those on delays hold for the defaults alone", () => {
    const usual = runs(600, (index) => ({ incidents: Number(index % 5 === 0) }));
    expect(verdicts("iid", usual, { ...monitoring, falseIncidentsPerModelWeek: 0.1 })[0]).toBe("held");
    expect(verdicts("iid", usual, { ...monitoring, falseIncidentsPerModelWeek: 0.005 })[0]).toBe("broken");
    const late = runs(3000, () => ({ foundIn: 7 }));
    expect(verdicts("mean-0.2", late)).toEqual(["reported", "broken", "reported"]);
    expect(verdicts("mean-0.2", late, { ...monitoring, effectFloor: 0.1 })).not.toContain("broken");
  });

  test("on one change being one finding breaks when it is two", () => {
    expect(
      verdicts(
        "one-step-0.2",
        runs(300, () => ({ findings: 1 })),
      )[0],
    ).toBe("held");
    expect(
      verdicts(
        "one-step-0.2",
        runs(300, (index) => ({ findings: 1 + Number(index % 5 === 0) })),
      )[0],
    ).toBe("broken");
  });
});

test("a signal with a part of the budget is held against that part", () => {
  const [value] = measuredOf(
    scenarioNamed("silence-steady"),
    runs(10, () => ({})),
    monitoring,
    monitoring,
  ).measured;
  expect(value?.bar?.value).toBeCloseTo(1.2 * 0.05 * 0.05 * 0.2, 12);
});
