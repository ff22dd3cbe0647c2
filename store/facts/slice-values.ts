import type { Facts } from "./client.ts";
import type { CohortExpression } from "./cohort-expressions.ts";
import { scopeCondition, scopeParams } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";

/** The values of a cohort attribute with at least `minRows` rows, most frequent first; rows without a value are left out. */
export async function sliceValues(
  facts: Facts,
  scope: RowScope,
  options: { readonly cohort: CohortExpression; readonly minRows: number; readonly limit: number },
): Promise<{ readonly value: string; readonly rows: number }[]> {
  return facts.query<{ value: string; rows: number }>(
    `SELECT ${options.cohort.sql} AS value, count() AS rows FROM events
     WHERE ${scopeCondition} AND value != ''
     GROUP BY value HAVING rows >= {minRows:UInt64} ORDER BY rows DESC, value LIMIT {limit:UInt32}`,
    { ...scopeParams(scope), minRows: Math.ceil(options.minRows), limit: options.limit },
  );
}
