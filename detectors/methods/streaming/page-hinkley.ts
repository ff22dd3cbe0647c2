import { defineStreamMethod, fraction, wholeFrom, type StreamOption } from "./stream-method.ts";

const standardise: StreamOption<boolean> = {
  default: true,
  meaning: "divide deviations by the running standard deviation, so that `delta` and `threshold` have no unit",
  must: "true or false",
  allows: (value) => typeof value === "boolean",
};

/** A number whose default depends on `standardise`. */
function unlessGiven(meaning: string, least: number): StreamOption<number | null> {
  return {
    default: null,
    meaning,
    must: least === 0 ? "a number from 0, or null" : "a number above 0, or null",
    allows: (value) => value === null || (typeof value === "number" && Number.isFinite(value) && value >= least),
  };
}

/**
 * Two-sided Page–Hinkley test: the cumulative deviation from the running mean against its extreme so far. With
 * `standardise: false` value for value `river.drift.PageHinkley` 0.26.
 */
export const pageHinkley = defineStreamMethod({
  name: "page_hinkley",
  title: "Page–Hinkley",
  meaning: "The mean went up or down and stays there.",
  convention:
    "m ← α·m + (x − x̄) ∓ δ, change if m leaves its minimum (maximum) by more than the threshold; both directions; x − x̄ in running standard deviations unless `standardise: false`, which is River's form with its defaults. Standardised, independent normal values give a false change about once in 10,000; River's δ = 0.005 and threshold 50 would give one in 1,600.",
  source: "Page 1954; Hinkley 1971; the form of River's PageHinkley",
  options: {
    minInstances: wholeFrom(1, 30, "values before the first decision"),
    delta: unlessGiven("deviation that is tolerated, per value; 0.1 standardised, else 0.005", 0),
    threshold: unlessGiven("cumulative deviation that is a change; 40 standardised, else 50", Number.MIN_VALUE),
    alpha: fraction(0.9999, "forgetting: weight of the sum so far"),
    standardise,
  },
  start: ({ minInstances, alpha, standardise: divide, ...given }) => {
    const delta = given.delta ?? (divide ? 0.1 : 0.005);
    const threshold = given.threshold ?? (divide ? 40 : 50);
    let n = 0;
    let mean = 0;
    let squares = 0;
    let increase = 0;
    let decrease = 0;
    let least = Infinity;
    let most = -Infinity;
    return (value) => {
      n += 1;
      const before = value - mean;
      mean += before / n;
      squares += before * (value - mean);
      const deviation = value - mean;
      // The value itself is part of the standard deviation, so that a first step from a constant is finite.
      const unit = divide ? Math.sqrt(squares / n) : 1;
      const moved = deviation === 0 ? 0 : deviation / unit;
      increase = alpha * increase + moved - delta;
      decrease = alpha * decrease + moved + delta;
      least = Math.min(least, increase);
      most = Math.max(most, decrease);
      return { change: n >= minInstances && (increase - least > threshold || most - decrease > threshold) };
    };
  },
});
