import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { CohortSpec, FeatureSpec } from "../../core/model.ts";
import type { Slice } from "../../core/slice.ts";
import { sqlText } from "./row-scope.ts";
import { featureExpressions } from "./series-expressions.ts";

/** What a cohort attribute's value is in a row of `events`: SQL of a String, empty for rows without a value. */
export interface CohortExpression {
  readonly attribute: string;
  readonly sql: string;
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const hourBands = ["00-06", "06-12", "12-18", "18-24"];
/** Characters of a text, from shortest to longest; the empty text has a band of its own. */
const lengthBands = [
  [0, "0"],
  [5, "1-5"],
  [10, "6-10"],
  [20, "11-20"],
  [50, "21-50"],
  [200, "51-200"],
] as const;
const longest = "over 200";

/**
 * One expression per attribute. An attribute that events do not carry among their cohorts is the feature of that name,
 * as text, if there is one; numbers with many values make slices of a few rows, which are never shown.
 *
 * @param schemas of the rows
 * @param zone that hours and weekdays are those of
 */
export function cohortExpressions(
  cohorts: readonly CohortSpec[],
  features: readonly FeatureSpec[],
  schemas: readonly FeatureSchema[],
  zone: string,
): CohortExpression[] {
  const textOf = (name: string): string | null => {
    const feature = features.find((one) => one.name === name);
    if (feature === undefined) return null;
    const [expression] = featureExpressions([feature], schemas);
    return expression === undefined ? null : `toString(${expression.sql})`;
  };
  const local = `toTimeZone(event_time, ${sqlText(zone)})`;
  return cohorts.map(({ attribute, derive }) => {
    switch (derive?.kind) {
      case "weekday":
        return { attribute, sql: `[${weekdays.map(sqlText).join(", ")}][toDayOfWeek(${local})]` };
      case "hour_band":
        return { attribute, sql: `[${hourBands.map(sqlText).join(", ")}][intDiv(toHour(${local}), 6) + 1]` };
      case "length": {
        const text = textOf(derive.feature);
        if (text === null) return { attribute, sql: "''" };
        const bands = lengthBands.map(([most, name]) => `lengthUTF8(${text}) <= ${most}, ${sqlText(name)}`);
        return { attribute, sql: `if(isNull(${text}), '', multiIf(${bands.join(", ")}, ${sqlText(longest)}))` };
      }
      case undefined: {
        const carried = `toString(cohorts[${sqlText(attribute)}])`;
        const text = textOf(attribute);
        return {
          attribute,
          sql:
            text === null
              ? carried
              : `if(mapContains(cohorts, ${sqlText(attribute)}), ${carried}, ifNull(${text}, ''))`,
        };
      }
    }
  });
}

/** SQL that is true in the rows of a slice; an attribute without an expression is looked up among the events' cohorts. */
export function sliceConditions(slice: Slice, cohorts: readonly CohortExpression[]): string[] {
  return Object.entries(slice).map(([attribute, value]) => {
    const sql = cohorts.find((cohort) => cohort.attribute === attribute)?.sql ?? `cohorts[${sqlText(attribute)}]`;
    return `${sql} = ${sqlText(value)}`;
  });
}
