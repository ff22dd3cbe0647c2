import { rocAuc } from "../performance/roc-auc.ts";
import { logisticRegression, type Matrix } from "./logistic-regression.ts";

/** One score per feature and row, row-major: where the row's value lies in the reference, −1 … 1; 0 if it has none. */
export interface ScoredRows {
  readonly rows: number;
  readonly features: number;
  readonly scores: Float64Array;
}

/** How well rows of two samples can be told apart. */
export interface DomainSeparation {
  /** Cross-fitted AUC: 0.5 if nothing tells them apart; ± its standard error where that is so. */
  readonly auc: number;
  readonly nullError: number;
  /** What tells them apart, the largest standardised weights first: one feature, or two that changed together. */
  readonly terms: readonly { readonly features: readonly number[]; readonly weight: number }[];
}

/** Each side needs so many rows: with fewer, a fold cannot teach anything. */
export const fewestSideRows = 200;
/** Products of two features that take part: those that differ most between the training samples. */
const pairsKept = 60;
const folds = 2;
/** A prior on standardised weights: a term must earn its place. */
const ridge = 20;
const termsTold = 3;

/**
 * A domain classifier: logistic regression of "current or reference?" on the features' scores and on products of two of
 * them, so that it sees what changed together while each feature alone stayed as it was. Each half of the rows is scored by
 * a classifier that was fitted on the other half, pairs chosen there as well, so that the AUC of two samples from one
 * source is 0.5 on average. Its standard error there is that of the Mann–Whitney statistic without a difference
 * (Hanley & McNeil, Radiology 143, 1982), √((n₀ + n₁ + 1) / 12n₀n₁), of *one* half: without a difference both halves' AUCs
 * rest on how far the halves happen to agree, so the second one tells nothing new.
 *
 * @returns null if a side has fewer than `fewestSideRows` rows.
 */
export function domainSeparation(reference: ScoredRows, current: ScoredRows): DomainSeparation | null {
  const [n0, n1] = [reference.rows, current.rows];
  if (n0 < fewestSideRows || n1 < fewestSideRows) return null;
  const pairs = allPairs(reference.features);
  let auc = 0;
  for (let fold = 0; fold < folds; fold += 1) {
    const isTest = (index: number) => index % folds === fold;
    const train = joined(reference, current, (index) => !isTest(index));
    const test = joined(reference, current, isTest);
    const fitted = fit(train, pairs);
    const found = rocAuc(scoresOf(test, fitted), test.labels);
    auc += (found?.value ?? 0.5) / folds;
  }
  const whole = fit(
    joined(reference, current, () => true),
    pairs,
  );
  const terms = whole.terms
    .map((features, index) => ({ features, weight: whole.beta[index + 1]! }))
    .toSorted((left, right) => Math.abs(right.weight) - Math.abs(left.weight))
    .slice(0, termsTold);
  const [half0, half1] = [n0 / folds, n1 / folds];
  return { auc, nullError: Math.sqrt((half0 + half1 + 1) / (12 * half0 * half1)), terms };
}

interface Labelled extends ScoredRows {
  readonly labels: Uint8Array;
}

interface Fitted {
  readonly terms: readonly (readonly number[])[];
  readonly beta: Float64Array;
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

function joined(reference: ScoredRows, current: ScoredRows, takes: (index: number) => boolean): Labelled {
  const { features } = reference;
  const scores: number[] = [];
  const labels: number[] = [];
  for (const [label, side] of [reference, current].entries()) {
    for (let row = 0; row < side.rows; row += 1) {
      if (!takes(row)) continue;
      labels.push(label);
      for (let j = 0; j < features; j += 1) scores.push(side.scores[row * features + j]!);
    }
  }
  return { rows: labels.length, features, scores: Float64Array.from(scores), labels: Uint8Array.from(labels) };
}

function allPairs(features: number): readonly (readonly number[])[] {
  const pairs: number[][] = [];
  for (let j = 0; j < features; j += 1) for (let k = j + 1; k < features; k += 1) pairs.push([j, k]);
  return pairs;
}

function fit(train: Labelled, pairs: readonly (readonly number[])[]): Fitted {
  const singles = Array.from({ length: train.features }, (_, j) => [j]);
  const terms = [...singles, ...largestDifferences(train, pairs)];
  const { rows } = train;
  const values = new Float64Array(rows * terms.length);
  const mean = new Float64Array(terms.length);
  const deviation = new Float64Array(terms.length);
  for (const [c, term] of terms.entries()) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < rows; i += 1) {
      const value = termValue(train, i, term);
      values[i * terms.length + c] = value;
      sum += value;
      squares += value * value;
    }
    mean[c] = sum / rows;
    // A term that never varies says nothing: any scale will do.
    deviation[c] = Math.sqrt(Math.max(0, squares / rows - mean[c] ** 2)) || 1;
    for (let i = 0; i < rows; i += 1) {
      values[i * terms.length + c] = (values[i * terms.length + c]! - mean[c]) / deviation[c];
    }
  }
  const x: Matrix = { rows, columns: terms.length, values };
  return { terms, beta: logisticRegression(x, train.labels, ridge), mean, deviation };
}

function scoresOf(test: Labelled, { terms, beta, mean, deviation }: Fitted): Float64Array {
  return Float64Array.from({ length: test.rows }, (_, i) => {
    let eta = beta[0]!;
    for (const [c, term] of terms.entries()) {
      eta += (beta[c + 1]! * (termValue(test, i, term) - mean[c]!)) / deviation[c]!;
    }
    return eta;
  });
}

function termValue(rows: ScoredRows, index: number, term: readonly number[]): number {
  let value = 1;
  for (const feature of term) value *= rows.scores[index * rows.features + feature]!;
  return value;
}

/** The pairs whose mean product differs most between the classes, in standard errors. */
function largestDifferences(train: Labelled, pairs: readonly (readonly number[])[]): readonly (readonly number[])[] {
  if (pairs.length <= pairsKept) return pairs;
  const ranked = pairs.map((pair) => {
    const count = [0, 0];
    const sum = [0, 0];
    const squares = [0, 0];
    for (let i = 0; i < train.rows; i += 1) {
      const label = train.labels[i]!;
      const value = termValue(train, i, pair);
      count[label]! += 1;
      sum[label]! += value;
      squares[label]! += value * value;
    }
    const moments = [0, 1].map((label) => {
      const mean = sum[label]! / count[label]!;
      return { mean, error: Math.max(0, squares[label]! / count[label]! - mean * mean) / count[label]! };
    });
    const [before, after] = moments as [(typeof moments)[0], (typeof moments)[0]];
    return { pair, z: Math.abs(after.mean - before.mean) / Math.sqrt(before.error + after.error || 1) };
  });
  return ranked
    .toSorted((left, right) => right.z - left.z)
    .slice(0, pairsKept)
    .map(({ pair }) => pair);
}
