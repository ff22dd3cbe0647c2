import { LeewayError } from "../../core/errors.ts";
import { defineMethod, occupiedCells, total } from "./method.ts";

/** Table 2 of Scholz & Stephens 1987 for two samples: b₀ + b₁ + b₂. */
const criticalValues = [
  0.675 - 0.245 - 0.105,
  1.281 + 0.25 - 0.305,
  1.645 + 0.678 - 0.362,
  1.96 + 1.149 - 0.391,
  2.326 + 1.822 - 0.396,
  2.573 + 2.364 - 0.345,
  3.085 + 3.615 - 0.154,
];
const levels = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];

/** Coefficients [c₀, c₁, c₂] of ln p over the statistic: the least-squares parabola through the table, as SciPy interpolates. */
const parabola = leastSquaresParabola(criticalValues, levels.map(Math.log));

function leastSquaresParabola(x: readonly number[], y: readonly number[]): readonly [number, number, number] {
  const moment = (f: (i: number) => number) => x.reduce((sum, _, i) => sum + f(i), 0);
  const rows = [0, 1, 2].map((k) => [
    ...[0, 1, 2].map((j) => moment((i) => x[i]! ** (k + j))),
    moment((i) => x[i]! ** k * y[i]!),
  ]);
  for (let pivot = 0; pivot < 3; pivot += 1) {
    for (let row = 0; row < 3; row += 1) {
      if (row === pivot) continue;
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let j = pivot; j < 4; j += 1) rows[row]![j]! -= factor * rows[pivot]![j]!;
    }
  }
  return [rows[0]![3]! / rows[0]![0]!, rows[1]![3]! / rows[1]![1]!, rows[2]![3]! / rows[2]![2]!];
}

/** Standard deviation of A² under the null for two samples of n and m rows (Scholz & Stephens, (4)). */
function deviation(n: number, m: number): number {
  const all = n + m;
  const inverse = 1 / n + 1 / m;
  const { h, g } = harmonics(all);
  const a = 4 * g - 6 + (10 - 6 * g) * inverse;
  const b = 4 * (2 * g - 4) + 16 * h + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6;
  const c = 4 * (6 * h + 2 * g - 2) + 2 * (4 * h - 4 * g + 6) + (2 * h - 6) * inverse + 4 * h;
  const d = 4 * (2 * h + 6) - 8 * h;
  return Math.sqrt((((a * all + b) * all + c) * all + d) / ((all - 1) * (all - 2) * (all - 3)));
}

/** h = Σ 1/i for i < N, g = Σᵢ Σⱼ 1/((N − i)·j) for i < j < N; both by their limits where they would take long. */
function harmonics(all: number): { readonly h: number; readonly g: number } {
  const last = Math.round(all) - 1;
  if (last > 1_000_000) {
    const euler = 0.5772156649015329;
    return { h: Math.log(last) + euler + 1 / (2 * last), g: Math.PI ** 2 / 6 - (Math.log(last) + 1) / last };
  }
  let h = 0;
  let g = 0;
  for (let i = last; i > 1; i -= 1) {
    h += 1 / i;
    g += h / (last - i + 2);
  }
  return { h: h + 1, g };
}

/**
 * Normalized k-sample Anderson–Darling statistic for two samples with midranks
 * (`scipy.stats.anderson_ksamp([reference, current], variant="midrank").statistic`): mean 0 and standard deviation 1 if
 * nothing changed, so alike samples score below 0. 0 if all values are one.
 *
 * Source: Scholz & Stephens 1987, (7).
 *
 * @throws LeewayError `insufficient_data` with fewer than 4 rows together, or less than one (of weights) on a side.
 */
export function andersonDarlingStatistic(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const [n, m] = [total(reference), total(current)];
  const all = n + m;
  if (Math.round(all) < 4 || n < 1 || m < 1) {
    throw new LeewayError(
      "insufficient_data",
      `anderson_darling: both samples together need at least 4 values and each at least 1, they have ${n} and ${m}; collect more`,
    );
  }
  if (occupiedCells(reference, current) === 1) return 0;
  let before = 0;
  let below = 0;
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const here = reference[cell]! + current[cell]!;
    if (here === 0) continue;
    const middle = below + here / 2;
    // The current sample's part is the same square over m.
    const square = (all * (before + reference[cell]! / 2) - middle * n) ** 2;
    sum += ((here / all) * square) / (middle * (all - middle) - (all * here) / 4);
    before += reference[cell]!;
    below += here;
  }
  const statistic = (sum * (1 / n + 1 / m) * (all - 1)) / all;
  return (statistic - 1) / deviation(n, m);
}

export const andersonDarling = defineMethod({
  name: "anderson_darling",
  title: "Anderson–Darling statistic",
  meaning: "Evidence that the distributions differ, the tails weighing more than in the other rank tests.",
  convention:
    "k-sample A² with midranks, normalized to mean 0 and standard deviation 1; p-value from a table, kept within 0.001 … 0.25.",
  source: "Anderson & Darling 1952; Scholz & Stephens 1987",
  over: "ordered",
  nullWithoutTies: true,
  null: "interpolated in the table of Scholz & Stephens, so that a p-value is never below 0.001 or above 0.25",
  value: andersonDarlingStatistic,
  significance: (reference, current) => {
    if (occupiedCells(reference, current) === 1) return { pValue: 1 };
    const score = andersonDarlingStatistic(reference, current);
    if (score < criticalValues[0]!) return { pValue: 0.25 };
    if (score > criticalValues.at(-1)!) return { pValue: 0.001 };
    const [c0, c1, c2] = parabola;
    return { pValue: Math.exp(c0 + (c1 + c2 * score) * score) };
  },
  threshold: (alpha, reference, current) => {
    if (alpha >= 0.25) return criticalValues[0]!;
    const logarithm = Math.log(Math.max(alpha, 0.001));
    const [c0, c1, c2] = parabola;
    const within = (-c1 - Math.sqrt(c1 * c1 - 4 * c2 * (c0 - logarithm))) / (2 * c2);
    // Beyond the table: the tail of A² falls at least like exp(−A²).
    const beyond = Math.log(0.001) - Math.log(Math.min(alpha, 0.001));
    return within + beyond / deviation(total(reference), total(current));
  },
});
