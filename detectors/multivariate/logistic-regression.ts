/** Rows by columns, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** Newton steps at most; a step this small ends them. */
const maxSteps = 12;
const smallestStep = 1e-7;

/**
 * Logistic regression with a ridge: the intercept and weights that maximise Σ log-likelihood − ridge/2 · Σ weights², by
 * Newton's method (iteratively reweighted least squares). The intercept is not shrunk.
 *
 * @param labels 0 or 1, one of each row.
 * @param ridge Above 0: with it the answer exists and is unique, also where the classes can be told apart exactly.
 * @returns [intercept, …weights].
 */
export function logisticRegression(x: Matrix, labels: ArrayLike<number>, ridge: number): Float64Array {
  const size = x.columns + 1;
  const beta = new Float64Array(size);
  const row = new Float64Array(size);
  row[0] = 1;
  for (let step = 0; step < maxSteps; step += 1) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let j = 1; j < size; j += 1) {
      gradient[j] = -ridge * beta[j]!;
      hessian[j * size + j] = ridge;
    }
    for (let i = 0; i < x.rows; i += 1) {
      let eta = beta[0]!;
      for (let j = 1; j < size; j += 1) {
        row[j] = x.values[i * x.columns + j - 1]!;
        eta += row[j]! * beta[j]!;
      }
      const probability = 1 / (1 + Math.exp(-eta));
      const residual = labels[i]! - probability;
      const weight = Math.max(1e-9, probability * (1 - probability));
      for (let j = 0; j < size; j += 1) {
        gradient[j]! += residual * row[j]!;
        const weighted = weight * row[j]!;
        const start = j * size;
        for (let k = 0; k <= j; k += 1) hessian[start + k]! += weighted * row[k]!;
      }
    }
    const move = solvePositiveDefinite(hessian, gradient, size);
    let largest = 0;
    for (let j = 0; j < size; j += 1) {
      // A first step from far off may overshoot where classes are nearly apart.
      const bounded = Math.max(-4, Math.min(4, move[j]!));
      beta[j]! += bounded;
      largest = Math.max(largest, Math.abs(bounded));
    }
    if (largest < smallestStep) break;
  }
  return beta;
}

/** Solves A·x = b by Cholesky; of A the lower triangle is read, and overwritten. */
function solvePositiveDefinite(a: Float64Array, b: Float64Array, size: number): Float64Array {
  for (let j = 0; j < size; j += 1) {
    for (let i = j; i < size; i += 1) {
      let sum = a[i * size + j]!;
      for (let k = 0; k < j; k += 1) sum -= a[i * size + k]! * a[j * size + k]!;
      a[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / a[j * size + j]!;
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < size; i += 1) {
    for (let k = 0; k < i; k += 1) x[i]! -= a[i * size + k]! * x[k]!;
    x[i]! /= a[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < size; k += 1) x[i]! -= a[k * size + i]! * x[k]!;
    x[i]! /= a[i * size + i]!;
  }
  return x;
}
