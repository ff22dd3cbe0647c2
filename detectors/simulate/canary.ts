import type { Binning, Series } from "../../core/baseline.ts";
import type { LiveProfile, ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { binCount } from "../../store/facts/slots.ts";
import { emptyCounts, pooledCounts } from "../baselines/counts.ts";
import { numericBinning } from "../decisions/binning.ts";
import { normalTailInverse } from "../decisions/normal-tail.ts";
import { binFinder } from "./bin-finder.ts";
import { createRandom, type Random } from "./random.ts";
import { createModel, type SimulatedModel, type StreamSpec } from "./streams.ts";

/** A version at a small share of the traffic, beside the approved one; both give a score and a class. */
export interface CanarySpec {
  /**
   * `iid`: independent rows. `season`: the score falls by half a standard deviation at weekends and swings by as much over
   * the hours of a day, for both versions. `users`: ten rows a window from each of its users, who come back every third
   * window and always meet the same version.
   */
  readonly traffic: "iid" | "season" | "users";
  /** Rows a window of both versions, and the new version's share of them. */
  readonly rows: number;
  readonly share: number;
  /** Share of positives that the approved version decides on, without a season. */
  readonly rate: number;
  /** By how much more of it the new version decides so from its first window on: 0.1 is a tenth. */
  readonly change: number;
  /** Windows of the approved version before; 28 by default. */
  readonly referenceWindows?: number;
}

/** One line of the table about a canary: healthy (a change of 0), or how soon its change is found. */
type CanaryScenario = {
  readonly name: string;
  readonly title: string;
  readonly stream: StreamSpec;
  readonly models: number;
  readonly canary: CanarySpec;
} & (
  | { readonly kind: "false_incidents"; readonly windows: number; readonly bar: boolean }
  | {
      readonly kind: "delay";
      readonly change: null;
      readonly marks: readonly { readonly within: number; readonly atLeast: number | null }[];
    }
);

const usual: CanarySpec = { traffic: "iid", rows: 40_000, share: 0.05, rate: 0.1, change: 0 };
/** The features that the budget is shared with. */
const beside: StreamSpec = {
  kind: "iid",
  features: 20,
  referenceRows: 10_000,
  rows: 1000,
  volumeSpread: 0,
  clusterSize: 10,
  wander: 0,
};

function healthy(traffic: CanarySpec["traffic"], title: string): CanaryScenario {
  const canary = { ...usual, traffic };
  const common = { stream: beside, models: 250, canary, windows: 28, bar: true } as const;
  return { kind: "false_incidents", name: `canary-${traffic}`, title: `a canary of 5 %: ${title}`, ...common };
}

function changed(
  rate: number,
  marks: readonly (readonly [within: number, atLeast: number | null])[],
  traffic: CanarySpec["traffic"] = "iid",
): CanaryScenario {
  const name = traffic === "iid" ? `canary-${rate}` : `canary-${traffic}-${rate}`;
  const through = traffic === "iid" ? "" : `, ${traffic}`;
  return {
    kind: "delay",
    name,
    title: `a canary of 5 % decides a tenth more than ${rate * 100} % positive${through}`,
    stream: beside,
    models: 340,
    canary: { ...usual, traffic, rate, change: 0.1 },
    change: null,
    marks: marks.map(([within, atLeast]) => ({ within, atLeast })),
  };
}

export const canaryScenarios: readonly CanaryScenario[] = [
  healthy("iid", "independent rows"),
  healthy("season", "weekends differ by 0.5σ, hours by up to 0.5σ"),
  healthy("users", "ten rows a user, who comes back"),
  changed(0.5, [
    [1, null],
    [2, 0.9],
  ]),
  changed(0.3, [
    [1, null],
    [4, 0.9],
  ]),
  changed(0.1, [
    [7, null],
    [13, 0.9],
  ]),
  changed(
    0.3,
    [
      [1, null],
      [5, 0.9],
    ],
    "season",
  ),
];

const seasonShift = 0.5;
const usersPerRow = 0.3;
const rowsPerUser = 10;
/** Share of the score's variance that a user's rows have in common. */
const userShare = 0.4;
const usualReferenceWindows = 28;
const parts = 16;

/** Scores as standard normals; what is decided of them is the model's. */
interface Drawn {
  readonly scores: Float64Array;
  /** The user of each row: which half of the reference it belongs to. */
  readonly users: Int32Array;
}

/**
 * A model with ordinary features and a canary: four weeks of the approved version, then both side by side. What the store
 * counts per version is drawn here row by row.
 */
export function createCanaryModel(canary: CanarySpec, stream: StreamSpec, ...seeds: readonly number[]): SimulatedModel {
  const features = createModel(stream, null, ...seeds);
  const random = createRandom(...seeds, parts);
  const pools = [1 - canary.share, canary.share].map((share) => userPool(canary, share, random));
  const cut = cutAt(canary.rate);
  const changedCut = cutAt(canary.rate * (1 + canary.change));

  const drawn = (version: 0 | 1, w: number): Drawn => {
    const rows = Math.round(canary.rows * (version === 0 ? 1 - canary.share : canary.share));
    return drawScores(canary, rows, w, pools[version]!, random);
  };
  const { referenceWindows = usualReferenceWindows } = canary;
  const reference = Array.from({ length: referenceWindows }, (_, i) => drawn(0, i - referenceWindows));
  // Bins need not be exact quantiles of a million rows to count in.
  const score = numericBinning(
    Float64Array.from(reference.flatMap(({ scores }) => Array.from(scores.subarray(0, 1000)))).sort(),
  );
  const bin = binFinder(Float64Array.from(score.edges));
  const classes: Binning = { kind: "categorical", categories: ["no", "yes"], distinct: 2, singletons: 0 };
  const results = [
    {
      role: "score",
      feature: "score",
      binning: score,
      count: (scores: Float64Array) => scoreCounts(score, bin, scores),
    },
    {
      role: "class",
      feature: "class",
      binning: classes,
      count: (scores: Float64Array, at: number) => classCounts(classes, scores, at),
    },
  ] as const;

  const profiles = results.flatMap(({ role, feature, binning, count }): ReferenceProfile[] => {
    const series: Series = { role, feature, version: "", slice: "" };
    const pairsOf = reference.map((window) => pairs(window).map((pair) => both(pair, (one) => count(one, cut))));
    const subWindows = pairsOf.map((window) => pooledCounts(window.flat(), binning));
    const splits = Array.from({ length: parts / 2 }, (_, pair) => pairsOf.map((window) => window[pair]!));
    const known = { series, binning, pooled: pooledCounts(subWindows, binning), subWindows };
    return [
      { ...known, splits },
      { ...known, series: { ...series, version: "1" } },
    ];
  });

  return {
    ...features,
    reference: [...features.reference, ...profiles],
    changed: canary.change === 0 ? null : "class",
    live: (w) => {
      const live = features.live(w);
      const control = drawn(0, w);
      const candidate = drawn(1, w);
      const own = results.flatMap(({ role, feature, count }): LiveProfile[] => {
        const series = { role, feature, slice: "" } as const;
        const counts = count(control.scores, cut);
        return [
          { series: { ...series, version: "1" }, window: live.window, counts },
          {
            series: { ...series, version: "2" },
            window: live.window,
            counts: count(candidate.scores, changedCut),
            control: counts,
          },
        ];
      });
      return { ...live, profiles: [...live.profiles, ...own] };
    },
    rebaselined: () => {
      throw new RangeError("a canary's baseline does not move");
    },
  };
}

/** The score that so many exceed. */
function cutAt(rate: number): number {
  return rate <= 0.5 ? normalTailInverse(rate) : -normalTailInverse(1 - rate);
}

/** What each user's rows have in common; empty where rows are independent. */
function userPool({ traffic, rows }: CanarySpec, share: number, random: Random): Float64Array {
  const users = traffic === "users" ? Math.round(rows * share * usersPerRow) : 0;
  return Float64Array.from({ length: users }, () => random.normal());
}

function drawScores({ traffic }: CanarySpec, rows: number, w: number, pool: Float64Array, random: Random): Drawn {
  const scores = new Float64Array(rows);
  const users = new Int32Array(rows);
  const weekend = ((w % 7) + 7) % 7 >= 5;
  let user = 0;
  for (let row = 0; row < rows; row += 1) {
    const own = random.normal();
    switch (traffic) {
      case "iid":
        user = row;
        scores[row] = own;
        break;
      case "season":
        user = row;
        scores[row] = own - (weekend ? seasonShift : 0) + seasonShift * Math.sin(2 * Math.PI * random.uniform());
        break;
      case "users":
        if (row % rowsPerUser === 0) user = Math.floor(random.uniform() * pool.length);
        scores[row] = Math.sqrt(1 - userShare) * own + Math.sqrt(userShare) * pool[user]!;
        break;
    }
    users[row] = user;
  }
  return { scores, users };
}

/** The rows of a window in so many parts by user, two and two. */
function pairs({ scores, users }: Drawn): (readonly [Float64Array, Float64Array])[] {
  const of = Array.from({ length: parts }, (): number[] => []);
  for (let row = 0; row < scores.length; row += 1) of[users[row]! % parts]!.push(scores[row]!);
  return Array.from(
    { length: parts / 2 },
    (_, pair) => [Float64Array.from(of[2 * pair]!), Float64Array.from(of[2 * pair + 1]!)] as const,
  );
}

function both<T, R>([a, b]: readonly [T, T], of: (one: T) => R): readonly [R, R] {
  return [of(a), of(b)];
}

function counted(binning: Binning, rows: number, bins: Float64Array): SeriesCounts {
  const sizes = { rows, weight: rows, weightSquares: rows };
  return {
    ...emptyCounts(binning),
    ...sizes,
    presentRows: rows,
    presentWeight: rows,
    presentWeightSquares: rows,
    bins,
  };
}

function scoreCounts(binning: Binning, bin: (score: number) => number, scores: Float64Array): SeriesCounts {
  const bins = new Float64Array(binCount(binning));
  for (const score of scores) bins[bin(score)]! += 1;
  return counted(binning, scores.length, bins);
}

/** A score above the cut is decided positive. */
function classCounts(binning: Binning, scores: Float64Array, cut: number): SeriesCounts {
  let positive = 0;
  for (const score of scores) if (score > cut) positive += 1;
  return counted(binning, scores.length, Float64Array.of(scores.length - positive, positive));
}
