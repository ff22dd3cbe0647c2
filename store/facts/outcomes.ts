import type { OutcomeSpec } from "../../core/model.ts";
import type { Facts } from "./client.ts";
import { eventsInScope, labelsByEntity } from "./labels-by-entity.ts";
import { fingerprintSql, momentsSql } from "./performance.ts";
import type { KnownTask, Moments } from "./performance.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { measureParts, type MeasuredAttribute } from "./window-parts.ts";

/** What the means of the outcomes of one part of a window's events are computed from. */
export interface OutcomeCounts {
  readonly version: string;
  /** `formatSlice`: a watched slice, or `arm=…`; empty for the version as a whole. */
  readonly slice: string;
  readonly rows: number;
  /** By name: of rows that have a number. */
  readonly outcomes: Readonly<
    Record<string, { readonly known: number; readonly fingerprint: string; readonly moments: Moments }>
  >;
}

/**
 * Counts the outcomes of the events of a window by version, by version and arm (where there are several), and by version and
 * watched slice. An outcome belongs to its event as a label does: the latest one of its name wins.
 */
export async function countOutcomes(
  facts: Facts,
  scope: RowScope,
  task: KnownTask,
  outcomes: readonly OutcomeSpec[],
  attributes: readonly MeasuredAttribute[] = [],
): Promise<OutcomeCounts[]> {
  const values = outcomes.map((outcome, index) => `${outcomeSql(outcome)} AS outcome${index}`);
  const measures = outcomes.flatMap((_, index) => {
    const known = `ifNull(isFinite(outcome${index}), 0)`;
    return [
      `countIf(${known}) AS known${index}`,
      `${fingerprintSql(["event_id", `outcome${index}`], known)} AS fingerprint${index}`,
      `${momentsSql(`outcome${index}`, known)} AS moments${index}`,
    ];
  });
  const rows = async (columns: readonly string[]) => ({
    sql: `WITH ${givenOutcomes}
      SELECT toString(version) AS version, weight AS w, events.event_id AS event_id, ${[...values, ...columns].join(", ")}
      FROM (SELECT * FROM events WHERE ${scopeCondition}) AS events LEFT JOIN given ON events.event_id = given.event_id`,
    params: {
      ...scopeParams(scope),
      names: outcomes.flatMap(({ name, from }) => (from === "event" ? [] : [from === "label" ? "" : name])),
      labelWindow: task.labelWindowMs,
      entityTo: scope.toMs + task.labelWindowMs,
    },
  });
  const parts = await measureParts(facts, attributes, rows, measures);
  return parts.map(({ measured, ...part }) => ({
    ...part,
    outcomes: Object.fromEntries(
      outcomes.map(({ name }, index) => [
        name,
        {
          known: measured[`known${index}`] as number,
          fingerprint: measured[`fingerprint${index}`] as string,
          moments: measured[`moments${index}`] as Moments,
        },
      ]),
    ),
  }));
}

/** The number of an outcome in a row of events joined with what was given. */
function outcomeSql({ name, from }: OutcomeSpec): string {
  const key = sqlText(from === "label" ? "" : name);
  return from === "event"
    ? `toFloat64OrNull(extra[${key}])`
    : `if(mapContains(given.numbers, ${key}), given.numbers[${key}], CAST(NULL, 'Nullable(Float64)'))`;
}

// As labels are: by the event's id, or by the entity's latest event at or before the outcome's time, within the label window.
const condition = `environment = {scopeEnvironment:String} AND model = {scopeModel:String} AND has({names:Array(String)}, toString(name))
  AND isNotNull(label_num) AND label_time >= fromUnixTimestamp64Milli({scopeFrom:Int64}, 'UTC')`;
const givenOutcomes = `given AS (
  SELECT event_id, mapFromArrays(groupArray(name), groupArray(value)) AS numbers
  FROM (
    SELECT event_id, toString(name) AS name, argMax(assumeNotNull(label_num), (label_time, offset)) AS value
    FROM (
      SELECT event_id, name, label_num, label_time, offset FROM labels
      WHERE ${condition} AND event_id != '' AND event_id IN (SELECT event_id FROM events WHERE ${scopeCondition})
      UNION ALL
      ${labelsByEntity("name, label_num", condition, eventsInScope)}
    )
    GROUP BY event_id, name
  )
  GROUP BY event_id
)`;
