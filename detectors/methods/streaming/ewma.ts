import { knownNumber, standardScores } from "./standard-scores.ts";
import { defineStreamMethod, fraction, numberAbove, wholeFrom } from "./stream-method.ts";

/** Two-sided EWMA control chart of standard scores, with the exact variance of its first values. */
export const ewma = defineStreamMethod({
  name: "ewma",
  title: "EWMA chart",
  meaning: "The exponentially weighted mean left its limits, up or down; good for small lasting shifts.",
  convention:
    "E ← λ·z + (1 − λ)·E, change if |E| > L·√(λ/(2 − λ)·(1 − (1 − λ)^2n)), warning at two thirds of it; z against a known mean and sd, else self-starting.",
  source: "Roberts 1959; Lucas & Saccucci 1990; Hawkins 1987",
  options: {
    lambda: fraction(0.1, "weight of the newest value"),
    limit: numberAbove(0, 4.5, "L: distance that is a change, in standard deviations of the mean"),
    minInstances: wholeFrom(1, 30, "values before the first decision"),
    mean: knownNumber("mean while nothing changes, if known", -Infinity),
    sd: knownNumber("standard deviation while nothing changes, if known", 0),
  },
  start: ({ lambda, limit, minInstances, mean, sd }) => {
    const score = standardScores({ mean, sd });
    let n = 0;
    let average = 0;
    return (value) => {
      n += 1;
      average += lambda * (score(value) - average);
      const variance = (lambda / (2 - lambda)) * (1 - (1 - lambda) ** (2 * n));
      const distance = Math.abs(average) / Math.sqrt(variance);
      const decides = n >= minInstances;
      const change = decides && distance > limit;
      return { change, warning: decides && !change && distance > (2 / 3) * limit };
    };
  },
});
