import { knownNumber, standardScores } from "./standard-scores.ts";
import { defineStreamMethod, numberAbove, numberFrom, wholeFrom } from "./stream-method.ts";

/** Tabular two-sided CUSUM of standard scores. */
export const cusum = defineStreamMethod({
  name: "cusum",
  title: "CUSUM",
  meaning: "The mean moved by about a standard deviation, up or down; quickest for a shift of twice the slack.",
  convention:
    "S⁺ ← max(0, S⁺ + z − k), S⁻ ← max(0, S⁻ − z − k), change above h; z against a known mean and sd, else self-starting. k = 0.5 and h = 10: 70,000 independent normal values between false changes on average; the textbook's h = 5 has 465.",
  source: "Page 1954; Hawkins 1987; Hawkins & Olwell 1998; the run length: Siegmund 1985",
  options: {
    slack: numberFrom(0, 0.5, "k: deviation that is tolerated, per value, in standard deviations"),
    threshold: numberAbove(0, 10, "h: cumulative deviation that is a change, in standard deviations"),
    minInstances: wholeFrom(1, 30, "values before the first decision"),
    mean: knownNumber("mean while nothing changes, if known", -Infinity),
    sd: knownNumber("standard deviation while nothing changes, if known", 0),
  },
  start: ({ slack, threshold, minInstances, mean, sd }) => {
    const score = standardScores({ mean, sd });
    let n = 0;
    let up = 0;
    let down = 0;
    return (value) => {
      n += 1;
      const z = score(value);
      up = Math.max(0, up + z - slack);
      down = Math.max(0, down - z - slack);
      return { change: n >= minInstances && (up > threshold || down > threshold) };
    };
  },
});
