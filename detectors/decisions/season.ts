import {
  effectiveSize,
  meanOf,
  type Contrast,
  type ContrastSignal,
  type SeriesContrasts,
  type WindowSums,
} from "./contrasts.ts";
import type { LearningSignal } from "./learning.ts";
import { addedUp } from "./pooling.ts";

/** A way in which the days of a week may differ. */
interface Partition {
  readonly name: string;
  /** The phase of each weekday, Monday first. */
  readonly phases: readonly number[];
  readonly phaseNames: readonly string[];
}

const weekdayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const partitions: readonly Partition[] = [
  {
    name: "weekends",
    phases: [0, 0, 0, 0, 0, 1, 1],
    phaseNames: ["Monday to Friday", "Saturday and Sunday"],
  },
  {
    name: "weekends on Friday and Saturday",
    phases: [0, 0, 0, 0, 1, 1, 0],
    phaseNames: ["Sunday to Thursday", "Friday and Saturday"],
  },
  { name: "weekdays", phases: [0, 1, 2, 3, 4, 5, 6], phaseNames: weekdayNames },
];

/** @throws Error if none has this name. */
export function partitionOf(name: string): Partition {
  const found = partitions.find((partition) => partition.name === name);
  if (found === undefined) throw new Error(`no season is called ${name}`);
  return found;
}

/** Windows of the reference that each phase needs, and all together. */
const fewestInPhase = 4;
const fewestWindows = 14;
/** Rows that an ordinary window must expect on either side of a contrast for its windows to be taken as normal. */
const fewestExpected = 5;
/** What is believed before a reference was seen, worth one series: one in fifty has a season. */
const priorSeason = 0.02;
/** A season is taken as one when it is likelier than none: with a false one a series loses little, without a true one it fires. */
const sureness = 0.5;
const emRounds = 60;

/** A series whose weekdays differ: its reference by phase. */
export interface Season {
  readonly partition: Partition;
  /** The reference's windows added up, by phase. */
  readonly references: readonly WindowSums[];
  /** Whether it is a season of the values, and of how many are missing. */
  readonly signals: Readonly<Record<LearningSignal, boolean>>;
}

/** Σw by weekday, Monday first: of all rows, and of those with a value. */
export type WeekdayWeights = readonly (readonly [all: number, present: number])[];

/** The sums of one window, of which the weekday is known. */
export function onWeekday(window: WindowSums, weekday: number): WindowSums {
  const weights = [window.weight, window.presentWeight] as const;
  return { ...window, weekdays: weekdayNames.map((_, day) => (day === weekday ? weights : ([0, 0] as const))) };
}

/** A window of the reference. */
export interface ReferenceDay {
  readonly weekday: number;
  readonly sums: WindowSums;
}

/** One partition of one series: its reference by phase, and the Bayes factors of a season over none. */
interface Candidate {
  readonly partition: Partition;
  readonly references: readonly WindowSums[];
  readonly factors: Readonly<Record<LearningSignal, number>>;
}

/**
 * Which series have a season, and of which kind: empirical Bayes, as with φ. One series with few windows cannot tell a
 * weekend from chance; the model's series together say how common seasons are among them. Where they are rare, nothing but
 * a clear one is taken as one, so that a model without seasons pays nothing.
 *
 * @param series Whole-model series, or those of slices: what learns together.
 * @param windows Of the reference, with rows enough to teach; Monday is 0. Empty: it has no days.
 */
export function seasonsOf(
  series: readonly {
    readonly contrasts: SeriesContrasts;
    readonly windows: readonly ReferenceDay[];
  }[],
): (Season | null)[] {
  const candidates = series.map(({ contrasts, windows }) => candidatesOf(contrasts, windows));
  const priors = learnPriors(candidates);
  return candidates.map((options) => {
    const distribution = likeliest(options, "distribution", priors);
    const missing = likeliest(options, "missing", priors);
    const best = distribution ?? missing;
    if (best === null) return null;
    const { partition, references } = best;
    return { partition, references, signals: { distribution: distribution !== null, missing: missing === best } };
  });
}

/** Prior probability of each partition, by EM over all series and signals; the rest is on no season. */
function learnPriors(candidates: readonly (readonly Candidate[])[]): ReadonlyMap<Partition, number> {
  const start = new Map(partitions.map((partition) => [partition, priorSeason / partitions.length]));
  let priors = start;
  for (let round = 0; round < emRounds; round += 1) {
    const sums = new Map(start);
    let count = 1;
    for (const options of candidates) {
      for (const signal of ["distribution", "missing"] as const) {
        if (!options.some(({ factors }) => factors[signal] > 0)) continue;
        count += 1;
        for (const [partition, probability] of posterior(options, signal, priors)) {
          sums.set(partition, sums.get(partition)! + probability);
        }
      }
    }
    priors = new Map([...sums].map(([partition, sum]) => [partition, sum / count]));
  }
  return priors;
}

/** Probability of each partition of one series and signal. */
function posterior(
  options: readonly Candidate[],
  signal: LearningSignal,
  priors: ReadonlyMap<Partition, number>,
): [Partition, number][] {
  let none = 1;
  for (const prior of priors.values()) none -= prior;
  const weights = options.map(({ partition, factors }) => priors.get(partition)! * factors[signal]);
  const total = weights.reduce((sum, weight) => sum + weight, none);
  return options.map(({ partition }, i) => [partition, weights[i]! / total]);
}

/** The likeliest partition, if it is likely that there is a season at all. */
function likeliest(
  options: readonly Candidate[],
  signal: LearningSignal,
  priors: ReadonlyMap<Partition, number>,
): Candidate | null {
  const probabilities = posterior(options, signal, priors).map(([, probability]) => probability);
  if (probabilities.reduce((sum, probability) => sum + probability, 0) < sureness) return null;
  return options[probabilities.indexOf(Math.max(...probabilities))]!;
}

function candidatesOf(contrasts: SeriesContrasts, windows: readonly ReferenceDay[]): Candidate[] {
  if (windows.length < fewestWindows) return [];
  return partitions.flatMap((partition) => {
    const byPhase = partition.phaseNames.map((_, phase) =>
      windows.filter(({ weekday }) => partition.phases[weekday] === phase).map(({ sums }) => sums),
    );
    if (byPhase.some((inPhase) => inPhase.length < fewestInPhase)) return [];
    const references = byPhase.map((inPhase) => addedUp(contrasts, inPhase.map(withWeights)));
    const factors = {
      distribution: bayesFactor(contrasts, "distribution", byPhase, references),
      missing: bayesFactor(contrasts, "missing", byPhase, references),
    };
    return [{ partition, references, factors }];
  });
}

/**
 * How much likelier the reference's windows are with a mean for each phase than with one mean for all: of one contrast
 *
 *     (1 + g)^(−d/2) · (Q / (W + B/(1 + g)))^((k − 1)/2)
 *
 * with Q the squares of k windows' deviations from their mean, weighted by rows, B the part of it between d + 1 phases, W the
 * rest: Zellner's g-prior at unit information, g = k. It holds whatever φ is, since φ scales Q, B and W alike, and its mean
 * is at most 1 where there is no season. Averaged over the contrasts by their shares it stays so, however they depend on
 * each other. 0 if no contrast can say.
 *
 * Source: Liang, Paulo, Molina, Clyde & Berger (2008), Mixtures of g priors, JASA 103, section 2.
 */
function bayesFactor(
  { contrasts }: SeriesContrasts,
  signal: LearningSignal,
  byPhase: readonly (readonly WindowSums[])[],
  references: readonly WindowSums[],
): number {
  const k = byPhase.reduce((sum, windows) => sum + windows.length, 0);
  const d = byPhase.length - 1;
  const g = k;
  let shares = 0;
  let total = 0;
  contrasts.forEach((contrast, c) => {
    if (contrast.signal !== signal || contrast.form === "omnibus" || !(contrast.variance > 0)) return;
    const phases = references.map((window) => meanOf(contrast, c, window));
    const size = phases.reduce((sum, { n }) => sum + n, 0);
    const mean = phases.reduce((sum, { y, n }) => sum + y * n, 0) / size;
    if (!((size / k) * Math.min(mean, 1 - mean) >= fewestExpected)) return;
    let between = 0;
    let within = 0;
    byPhase.forEach((windows, phase) => {
      const reference = phases[phase]!;
      between += (reference.n * (reference.y - mean) ** 2) / contrast.variance;
      for (const window of windows) {
        const { y, n } = meanOf(contrast, c, window);
        within += (n * (y - reference.y) ** 2) / contrast.variance;
      }
    });
    // Windows that are all alike speak for nothing; far beyond what a sum of numbers holds no further evidence is needed.
    const ratio = (within + between + smallest) / (within + between / (1 + g) + smallest);
    const log = ((k - 1) / 2) * Math.log(ratio) - (d / 2) * Math.log(1 + g);
    shares += contrast.share;
    total += contrast.share * Math.exp(Math.min(log, largestLog));
  });
  return shares > 0 ? total / shares : 0;
}

/** Square of a deviation that is rounding. */
const smallest = 1e-9;
const largestLog = 600;

/** The days of the reference that a window was held against. */
export interface ReferenceDays {
  /** Of the window's own phase, Monday 0. */
  readonly weekdays: readonly number[];
  /** `Saturday and Sunday`; of windows added up `the same weekdays`. */
  readonly text: string;
}

/** Null: it was held against all of them. @param horizon Of the numbers that `text` goes with. */
export function referenceDays(
  { season }: SeriesContrasts,
  signal: ContrastSignal,
  window: WindowSums | null,
  horizon: "short" | "long",
): ReferenceDays | null {
  if (season === null || signal === "unseen" || !season.signals[signal]) return null;
  const weekday = window?.weekdays?.findIndex(([all]) => all > 0) ?? -1;
  if (weekday < 0) return null;
  const { phases, phaseNames } = season.partition;
  const phase = phases[weekday]!;
  return {
    weekdays: phases.flatMap((of, day) => (of === phase ? [day] : [])),
    text: horizon === "long" ? "the same weekdays" : phaseNames[phase]!,
  };
}

/** The contrasts as the reference has them on the weekdays of a window, or of windows added up. */
export function inSeason(contrasts: SeriesContrasts, window: WindowSums): SeriesContrasts {
  const { season } = contrasts;
  const { weekdays } = window;
  if (season === null || weekdays === undefined) return contrasts;
  const weights = season.references.map((_, phase) =>
    weekdays.reduce(
      ([all, present], [allOn, presentOn], day) =>
        season.partition.phases[day] === phase ? [all + allOn, present + presentOn] : [all, present],
      [0, 0] as readonly [number, number],
    ),
  );
  const rowsIn = (signal: LearningSignal, whole: number, rows: (sums: WindowSums) => number) =>
    season.signals[signal]
      ? season.references.reduce((sum, sums, phase) => sum + (weights[phase]![0] > 0 ? rows(sums) : 0), 0)
      : whole;
  return {
    ...contrasts,
    referenceRows: rowsIn("missing", contrasts.referenceRows, ({ rows }) => rows),
    referencePresentRows: rowsIn("distribution", contrasts.referencePresentRows, ({ presentRows }) => presentRows),
    contrasts: contrasts.contrasts.map((contrast, c) => contrastInSeason(contrast, c, season, weights)),
  };
}

/** R is the phases' means as the window mixes them; its noise, and so N, that of their estimates. */
function contrastInSeason(contrast: Contrast, c: number, season: Season, weights: WeekdayWeights): Contrast {
  const { form, over, signal } = contrast;
  if (signal === "unseen" || !season.signals[signal]) return contrast;
  const own = over === "all" ? 0 : 1;
  const total = weights.reduce((sum, weight) => sum + weight[own], 0);
  let reference = 0;
  let noise = 0;
  season.references.forEach((sums, phase) => {
    const share = weights[phase]![own] / total;
    if (!(share > 0)) return;
    const { y, n } =
      form === "omnibus"
        ? { y: 0, n: effectiveSize(sums.presentWeight, sums.presentWeightSquares) }
        : meanOf(contrast, c, sums);
    reference += share * y;
    noise += share ** 2 / n;
  });
  const referenceSize = 1 / noise;
  if (!(referenceSize > 0) || !Number.isFinite(referenceSize)) return contrast;
  if (form === "omnibus") return { ...contrast, referenceSize };
  if (form === "score") return { ...contrast, reference, referenceSize };
  return { ...contrast, reference, referenceSize, variance: reference * (1 - reference) };
}

function withWeights(window: WindowSums) {
  const { weight, weightSquares, presentWeight, presentWeightSquares } = window;
  return { ...window, weights: [weight, weightSquares, presentWeight, presentWeightSquares] as const };
}
