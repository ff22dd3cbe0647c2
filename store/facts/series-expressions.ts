import type { SeriesRole } from "../../core/baseline.ts";
import { featurePositions } from "../../core/feature-schema.ts";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { FeatureSpec, Task } from "../../core/model.ts";
import { sqlText } from "./row-scope.ts";

/** What a series' value is in a row of `events`. */
export interface SeriesExpression {
  readonly role: SeriesRole;
  readonly feature: string;
  /** `number`: the SQL gives Nullable(Float64); `text`: a nullable string. */
  readonly type: "number" | "text";
  readonly sql: string;
}

/**
 * One expression per feature, over every schema in which the model's rows may be stored: the position of a feature
 * differs between schemas, and a schema without it means missing. A numeric feature that a schema holds as text is read
 * as a number where it is one; the other way round it becomes text.
 */
export function featureExpressions(
  features: readonly FeatureSpec[],
  schemas: readonly FeatureSchema[],
): SeriesExpression[] {
  return features.map((feature) => {
    const type = feature.type === "numeric" ? "number" : "text";
    return { role: "feature", feature: feature.name, type, sql: featureSql(feature.name, type, schemas) };
  });
}

function featureSql(name: string, type: "number" | "text", schemas: readonly FeatureSchema[]): string {
  // Schemas that hold the feature at the same place share a branch.
  const places = new Map<string, string[]>();
  const without: string[] = [];
  for (const schema of schemas) {
    const position = featurePositions(schema).get(name);
    if (position === undefined) {
      without.push(schema.schemaId);
      continue;
    }
    const column = `${position.array}[${position.index}]`;
    const sql =
      type === "number"
        ? position.array === "num"
          ? column
          : `toFloat64OrNull(toString(${column}))`
        : position.array === "cat"
          ? column
          : `toString(${column})`;
    places.set(sql, [...(places.get(sql) ?? []), schema.schemaId]);
  }
  const missing = type === "number" ? "CAST(NULL, 'Nullable(Float64)')" : "CAST(NULL, 'Nullable(String)')";
  const [only] = places.keys();
  if (only === undefined) return missing;
  if (places.size === 1 && without.length === 0) return only;
  const branches = [...places].map(
    ([sql, ids]) =>
      `schema_id IN (${ids.map(sqlText).join(", ")}), ${type === "text" ? `CAST(${sql}, 'Nullable(String)')` : sql}`,
  );
  return `multiIf(${branches.join(", ")}, ${missing})`;
}

/**
 * The model's own results: `score` is the one number that stands for a prediction (binary: the positive class's score;
 * multiclass: the largest score; regression: the estimate), `class` what was decided. A regression has no class.
 */
export function resultExpressions(task: Task): SeriesExpression[] {
  const className = "coalesce(toString(prediction_class), toString(prediction_num))";
  const classes: SeriesExpression = { role: "class", feature: "class", type: "text", sql: className };
  const score = (sql: string): SeriesExpression => ({ role: "score", feature: "score", type: "number", sql });
  switch (task.kind) {
    case "binary": {
      const positive = sqlText(task.positive);
      return [
        score(`if(mapContains(scores, ${positive}), scores[${positive}], CAST(NULL, 'Nullable(Float64)'))`),
        classes,
      ];
    }
    case "multiclass":
      return [score("if(empty(scores), CAST(NULL, 'Nullable(Float64)'), arrayMax(mapValues(scores)))"), classes];
    case "regression":
      return [score("prediction_num")];
    case "unknown":
      return [score("prediction_num"), { ...classes, sql: "prediction_class" }];
  }
}
