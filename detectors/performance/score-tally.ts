/** Rows of two kinds, counted by score. Counts may be fractions: a weighted row counts for what it is worth. */
export interface ScoreTally {
  /** Ascending, each once. */
  readonly scores: Float64Array;
  /** Rows of the first kind (positive outcomes, or positive decisions) at each score. */
  readonly yes: Float64Array;
  readonly no: Float64Array;
}

/** @param isYes 1: of the first kind. As long as `score`, which holds no NaN. */
export function tallyScores(score: Float64Array, isYes: ArrayLike<number>): ScoreTally {
  const order = Uint32Array.from({ length: score.length }, (_, row) => row).sort((a, b) => score[a]! - score[b]!);
  const [scores, yes, no]: [number[], number[], number[]] = [[], [], []];
  for (const row of order) {
    if (scores.at(-1) !== score[row]) {
      scores.push(score[row]!);
      yes.push(0);
      no.push(0);
    }
    const side = isYes[row] === 1 ? yes : no;
    side[side.length - 1]! += 1;
  }
  return { scores: Float64Array.from(scores), yes: Float64Array.from(yes), no: Float64Array.from(no) };
}

/** Several tallies as one. */
export function mergedTally(tallies: readonly ScoreTally[]): ScoreTally {
  const byScore = new Map<number, { yes: number; no: number }>();
  for (const { scores, yes, no } of tallies) {
    for (const [at, score] of scores.entries()) {
      const sum = byScore.get(score) ?? { yes: 0, no: 0 };
      byScore.set(score, { yes: sum.yes + yes[at]!, no: sum.no + no[at]! });
    }
  }
  const sorted = [...byScore].toSorted(([a], [b]) => a - b);
  return {
    scores: Float64Array.from(sorted, ([score]) => score),
    yes: Float64Array.from(sorted, ([, { yes }]) => yes),
    no: Float64Array.from(sorted, ([, { no }]) => no),
  };
}

export function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index]!;
  return sum;
}
