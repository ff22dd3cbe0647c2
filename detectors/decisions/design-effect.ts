/**
 * Typical weights of rows, Σw²/Σw (the mean weight seen from a row's weight), in multiples of that of all rows: of the rows
 * that a share counts, and of all others. Both are 1 where weights have nothing to do with the value.
 */
export interface RowWeights {
  readonly inside: number;
  readonly outside: number;
}

/** What weighted sums say about a mean: Σw·score and Σw of its rows, and the squares of both. */
export interface SquaredSums {
  readonly sum: number;
  readonly weight: number;
  /** Of a share Σw² of the rows it counts; of a mean of scores Σw²·(score − mean)². */
  readonly squares: number;
  readonly weightSquares: number;
}

/** A share below this is the rounding of weighted sums. */
const rounding = 1e-12;

/** Where a window has no row on one side, `known` says how much one would weigh there, else it is as heavy as the others. */
export function shareRowWeights({ sum, weight, squares, weightSquares }: SquaredSums, known?: RowWeights): RowWeights {
  const share = sum / weight;
  const part = Math.min(1, squares / weightSquares);
  return {
    inside: share > rounding ? part / share : (known?.inside ?? 1),
    outside: 1 - share > rounding ? (1 - part) / (1 - share) : (known?.outside ?? 1),
  };
}

/** Of a mean of scores there is no inside: heavy rows are counted by how far off their scores are. */
export function scoreRowWeights({ squares, weightSquares }: SquaredSums, variance: number): RowWeights {
  const effect = variance > 0 ? squares / (weightSquares * variance) : 1;
  return { inside: effect, outside: effect };
}

/**
 * By how much the variance of a weighted share y differs from y(1 − y)·Σw²/(Σw)², which holds when weights have nothing to
 * do with the value *and* no row is heavy enough to be noticed in the share: n is (Σw)²/Σw² over it. With the window's own
 * row weights alone n is y(1 − y) over the linearized variance Σw²(1 − y)² (inside) + Σw²y² (outside), over (Σw)².
 *
 * The window's own weights speak of the rows it happens to have: one heavy row makes a share large, and says itself that it
 * is one row; but a share that is small because no heavy row came says that there are none. So each side takes the larger
 * of the window's and of what the reference knows of these rows (as heavy as all others, if it knows nothing).
 *
 * Source: Rao & Scott (1992), A simple method for the analysis of clustered binary data, Biometrics 48 (effective counts);
 * Bohm & Zech (2014), Statistics of weighted Poisson events and its applications, NIM A 748 (row weights Σw²/Σw).
 */
export function designEffect(y: number, now: RowWeights, known: RowWeights = { inside: 1, outside: 1 }): number {
  return (1 - y) * Math.max(now.inside, known.inside) + y * Math.max(now.outside, known.outside);
}
