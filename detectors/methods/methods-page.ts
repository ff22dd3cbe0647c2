import type { Method } from "./method.ts";
import { methods, streamMethods } from "./registry.ts";
import type { StreamOptions } from "./streaming/stream-method.ts";

const shapes: Readonly<Record<Method["over"], string>> = {
  cells: "numbers (in bins), text, booleans; counts over any cells",
  pair: "two categories, booleans or 0 and 1 (the later in order is counted); counts [counted, others]",
  ordered: "numbers, booleans; counts over cells in the order of their values",
  values: "numbers, booleans; counts over cells with `values`",
};

const optionWords: Readonly<Record<NonNullable<Method["options"]>[number], string>> = {
  base: '`base` (2 or `"e"`)',
  smoothing: '`smoothing` (`"half_row"`, `"none"`)',
  scale: '`scale` (`"raw"`, `"reference_sd"`)',
  alternative: '`alternative` (`"two-sided"`, `"less"`, `"greater"`)',
};

function direction({ options, significance }: Method): string {
  if (options?.includes("alternative")) return "two-sided unless `alternative` says which way";
  return significance === undefined ? "larger is further apart" : "larger is stronger evidence, whichever way";
}

function methodSection(method: Method): string {
  const options = ["`alpha`", ...(method.over === "cells" ? ["`bins`"] : [])];
  if (method.over === "values" || method.over === "ordered") options.push("`values` (of counts)");
  for (const option of method.options ?? []) options.push(optionWords[option]);
  const chance = method.null ?? "drawn anew from both samples together (see above); no p-value";
  return `### \`${method.name}\`: ${method.title}

${method.meaning}

- Formula: ${method.convention}
- Takes: ${shapes[method.over]}
- Direction: ${direction(method)}
- Options: ${options.join(", ")}
- Null: ${chance}
- Source: ${method.source}
`;
}

function streamSection(method: (typeof streamMethods)[number]): string {
  const options: StreamOptions = method.options;
  const rows = Object.entries(options).map(
    ([name, option]) => `| \`${name}\` | ${option.default} | ${option.meaning} (${option.must}) |`,
  );
  return `### \`${method.name}\`: ${method.title}

${method.meaning}

- Rule: ${method.convention}
- Source: ${method.source}

| option | default | meaning |
| --- | --- | --- |
${rows.join("\n")}
`;
}

/** `docs/methods.md`: every method of the registry by its own words. */
export function methodsPage(): string {
  return `<!-- Written by \`node app/config/publish.ts\`; a test compares. -->

# Methods

For programs: \`import { compareSamples, compareCounts, watchStream } from "leeway"\`. The service decides by its own rules
([decisions.md](decisions.md)); these are the numbers it reports beside a decision, and those that people know from
elsewhere, each with one documented meaning.

\`\`\`ts
compareSamples("psi", lastMonth, today, { alpha: 0.01 });
// { score: 0.08, threshold: 0.03, detail: { rows, missing, cells, edges, outOfRange, … } }
compareCounts("chi_square", { web: 60, app: 40 }, { web: 45, app: 50, kiosk: 5 });
// { score: 8.25, pValue: 0.016, detail: { newCategories: [{ category: "kiosk", rows: 5 }], degreesOfFreedom: 2, … } }
const watch = watchStream("adwin", { delta: 0.01 });
watch.update(0.3); // { change: false }
\`\`\`

## What holds for all

- The reference comes first. Nothing given is changed; arrays, typed arrays and frozen ones are taken.
- **Missing** values (null, undefined, NaN, ±Infinity) are counted in \`detail.missing\`, for each side, and compared no
  further. A sample without any value is no zero: it is an error with the code \`insufficient_data\`. One row is enough, except
  for \`welch_t\` (two a side) and \`anderson_darling\` (four together).
- **Bins** of numbers come from the reference alone: at most ten (\`bins\`: another number, or inner edges) cut at its
  quantiles, each with at least five of its rows where it has them; equal quantiles make one bin. A reference of few distinct
  values has a cell for each, and one for all others. Methods that need no bins use every value.
- A **new category** is reported in \`detail.newCategories\` and makes nothing infinite: with the default
  \`smoothing: "half_row"\` a cell below half a row counts as half a row, but at most as the mean of both sides, so that the
  score is continuous in the counts and a cell that is empty on both sides stays out. Shares (their sum is 1, give or take 0.01)
  count as 5,000 rows there. \`smoothing: "none"\` is the bare formula, which may be infinite.
- **\`alpha\`** asks for \`threshold\`: the score that chance exceeds with that probability if both samples come from one
  population with independent rows. It knows both sizes. A two-sided \`z_proportions\` or \`welch_t\` passes it by its absolute
  value; of \`mann_whitney\` and \`fisher_exact\` it is the upper end. Where a method's null says "drawn anew", the rows of both samples
  are thrown together and dealt out again to the same sizes, 4,000 times from a fixed seed (fewer from 250 cells on, 200 where
  there are 5,000 or more), and a Pearson III distribution with the mean, spread and skewness of the scores is read at alpha; scores
  that go in steps are counted instead, and the least that is exceeded seldom enough is the threshold.
  Of more than 1,000 different values, neighbours are dealt together, in at most about 1,000 cells at their means; values far
  out, which a heavy tail's distance is made of, stay by themselves.
- **Few rows a cell** are no case for χ². Bins cut from fewer than 500 rows of the reference a bin hold its rows evenly and the
  others' not: at 50 rows against 2,000 χ² would be passed in 11 of 100 cases instead of 5; so it would in \`g_test\` in 9 of 100 for 200
  rows of 30 uneven categories. There, and where a cell expects fewer than 5 rows, \`chi_square\`, \`g_test\` and \`cramers_v\`
  have a \`threshold\` that is drawn anew as well, the bins cut anew in each deal. \`pValue\` stays that of χ² for the table as it
  is; \`detail.smallestExpected\` tells how good it is.
- **Ties**: the nulls of \`ks\`, \`cramer_von_mises\` and \`anderson_darling\` have none. Where most rows share their value with others (and
  there are at most 1,000 values), their \`threshold\` is drawn anew, and holds its level: of a flag that one row in ten has,
  that of \`anderson_darling\` would be passed in 10 of 100 cases instead of 5, those of the others never.
- Counts need not be whole (weights, shares); exact nulls give way to their limits then, and \`fisher_exact\` refuses them. A test
  takes their sum for the number of rows. Shares do not tell how many rows they are of, so \`alpha\` is refused with them.
- Counts come as arrays, or by category as objects or Maps, and sum to at most 2^53. Values may be of any size; where their
  range or the score is larger than a number can say, that is an error.
- An option that a method does not heed, or a value out of range, is refused in one line that says what there is.

## Between two samples

${methods.map(methodSection).join("\n")}
## Over a stream

\`watchStream(method, options)\` gives \`{ update(value) }\`, which says \`{ change, warning? }\` of each value. After a change the
detector starts afresh. Missing values, and those beyond ±1e150, pass it by. \`false\` and \`true\` count as 0 and 1.

${streamMethods.map(streamSection).join("\n")}`;
}
