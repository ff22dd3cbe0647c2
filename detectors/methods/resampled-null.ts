import { chiSquareQuantile, normalQuantile } from "./inverse-tail.ts";
import { hypergeometricProbability } from "./binomial-probability.ts";
import { total } from "./method.ts";
import { createRandom, type Random } from "../simulate/random.ts";

/** Rows are dealt anew this often, less often where there are many cells: the moments then vary little. */
const mostDeals = 4000;
const fewestDeals = 200;
const cellsDealt = 1_000_000;
/** Scores of fewer different values than this share of the deals, */
const fewValues = 0.25;
/** or of which one makes up this share, go in steps, which no smooth distribution describes. */
const largeStep = 0.05;
/** As many scores must lie beyond a step for it to be known. */
const scoresBeyond = 10;

/**
 * The score that chance exceeds with probability `alpha` if both samples come from one population: the rows of both are
 * thrown together and dealt out anew to samples of the same sizes, and a Pearson type III distribution with the mean,
 * standard deviation and skewness of the scores is read at `alpha`; scores that only have few values are counted instead,
 * and the least that is exceeded seldom enough is taken. So the threshold knows both sizes, ties, rare cells and the
 * smoothing. The deals come from a fixed seed: the same counts give the same threshold. Infinite if infinite scores are
 * that frequent.
 *
 * Source: Pitman 1937 (the permutation null); Mielke & Berry, Permutation Methods, 2007 (Pearson III for it).
 *
 * @param statistic Of counts in the same cells; NaN where such a deal cannot be scored.
 * @param alpha Between 0 and 1.
 * @returns NaN if no deal could be scored.
 */
export function resampledThreshold(
  statistic: (reference: ArrayLike<number>, current: ArrayLike<number>) => number,
  alpha: number,
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
): number {
  const pooled = wholeCounts(reference, current);
  const all = total(pooled);
  const dealt = Math.min(
    all - 1,
    Math.max(1, Math.round((all * total(current)) / (total(reference) + total(current)))),
  );
  const random = createRandom(pooled.length, all, dealt);
  const deals = Math.min(mostDeals, Math.max(fewestDeals, Math.ceil(cellsDealt / pooled.length)));
  // The smaller sample is dealt: its cells are the cheaper to draw.
  const small = Math.min(dealt, all - dealt);
  const drawn = new Float64Array(pooled.length);
  const rest = new Float64Array(pooled.length);
  const scores = new Float64Array(deals);
  for (let deal = 0; deal < deals; deal += 1) {
    dealRows(pooled, all, small, drawn, rest, random);
    scores[deal] = small === dealt ? statistic(rest, drawn) : statistic(drawn, rest);
  }
  return upperQuantile(scores.filter((score) => !Number.isNaN(score)).sort(), alpha);
}

/** Relative width within which two scores are one. */
const hair = 1e-9;

function upperQuantile(sorted: Float64Array, alpha: number): number {
  const finite = sorted.filter(Number.isFinite);
  const level = (alpha * sorted.length - (sorted.length - finite.length)) / finite.length;
  if (sorted.length === 0) return Number.NaN;
  if (!(level > 0)) return Infinity;
  const beyond = Math.floor(level * finite.length);
  if (beyond < scoresBeyond || !goesInSteps(finite)) return pearsonQuantile(finite, level);
  // A hair above the least score that is exceeded seldom enough, so that rounding does not count it as passed.
  const least = finite[finite.length - 1 - beyond]!;
  return least + hair * Math.abs(least);
}

function goesInSteps(sorted: Float64Array): boolean {
  let values = 0;
  let equal = 0;
  let mostEqual = 0;
  for (let i = 0; i < sorted.length; i += 1) {
    if (i > 0 && sorted[i]! - sorted[i - 1]! <= hair * Math.abs(sorted[i]!)) equal += 1;
    else {
      values += 1;
      equal = 1;
    }
    mostEqual = Math.max(mostEqual, equal);
  }
  return values < fewValues * sorted.length || mostEqual > largeStep * sorted.length;
}

/** Both samples together in whole rows; a running remainder keeps the sum. */
function wholeCounts(reference: ArrayLike<number>, current: ArrayLike<number>): Float64Array {
  const pooled = new Float64Array(reference.length);
  let exact = 0;
  let rounded = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    exact += reference[cell]! + current[cell]!;
    pooled[cell] = Math.max(0, Math.round(exact) - rounded);
    rounded += pooled[cell]!;
  }
  return pooled;
}

function dealRows(
  pooled: Float64Array,
  all: number,
  size: number,
  drawn: Float64Array,
  rest: Float64Array,
  random: Random,
): void {
  let left = all;
  let wanted = size;
  for (let cell = 0; cell < pooled.length; cell += 1) {
    const count = pooled[cell]!;
    const taken = wanted === 0 ? 0 : hypergeometric(count, left - count, wanted, random);
    drawn[cell] = taken;
    rest[cell] = count - taken;
    wanted -= taken;
    left -= count;
  }
}

/** How many of `drawn` rows are among the `marked` ones, without replacement. */
function hypergeometric(marked: number, others: number, drawn: number, random: Random): number {
  const all = marked + others;
  if (marked === 0) return 0;
  if (others === 0) return drawn;
  if (marked === 1) return random.uniform() * all < drawn ? 1 : 0;
  const lowest = Math.max(0, drawn - others);
  const highest = Math.min(marked, drawn);
  const mean = (marked * drawn) / all;
  const variance = (mean * (others / all) * (all - drawn)) / Math.max(1, all - 1);
  // So wide that the normal distribution is as good.
  if (variance > 400) {
    return Math.min(highest, Math.max(lowest, Math.round(mean + Math.sqrt(variance) * random.normal())));
  }
  // By inversion from the mode outwards: few steps, and no start too small for a double.
  const mode = Math.min(highest, Math.max(lowest, Math.floor(((marked + 1) * (drawn + 1)) / (all + 2))));
  let below = mode;
  let above = mode;
  let belowChance = hypergeometricProbability(mode, marked, others, drawn);
  let aboveChance = belowChance;
  let left = random.uniform() - belowChance;
  while (left > 0 && (below > lowest || above < highest)) {
    if (above < highest) {
      aboveChance *= ((marked - above) * (drawn - above)) / ((above + 1) * (others - drawn + above + 1));
      above += 1;
      left -= aboveChance;
      if (left <= 0) return above;
    }
    if (below > lowest) {
      belowChance *= (below * (others - drawn + below)) / ((marked - below + 1) * (drawn - below + 1));
      below -= 1;
      left -= belowChance;
      if (left <= 0) return below;
    }
    if (aboveChance + belowChance < 1e-18) return mode;
  }
  return mode;
}

/** Upper quantile of the Pearson type III distribution with the scores' first three moments. */
function pearsonQuantile(scores: Float64Array, alpha: number): number {
  // In units of the largest, whose square need be no number.
  const unit = scores.reduce((largest, score) => Math.max(largest, Math.abs(score)), 0) || 1;
  let sum = 0;
  for (const score of scores) sum += score / unit;
  const mean = sum / scores.length;
  let squares = 0;
  let cubes = 0;
  for (const score of scores) {
    squares += (score / unit - mean) ** 2;
    cubes += (score / unit - mean) ** 3;
  }
  const deviation = Math.sqrt(squares / scores.length);
  if (!(deviation > 1e-12 * Math.abs(mean))) return unit * mean;
  const skewness = cubes / scores.length / deviation ** 3;
  // Nearly symmetric: the gamma distribution is the normal one. Skewed to the left, the normal one is on the safe side.
  if (skewness < 0.05) return unit * (mean + deviation * normalQuantile(alpha));
  const shape = 4 / skewness ** 2;
  return unit * (mean + (deviation * (chiSquareQuantile(alpha, 2 * shape) / 2 - shape)) / Math.sqrt(shape));
}
