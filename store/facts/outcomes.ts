import type { OutcomeSpec } from "../../core/model.ts";
import { formatSlice } from "../../core/slice.ts";
import type { Facts } from "./client.ts";
import { momentsSql } from "./performance.ts";
import type { KnownTask, MeasuredAttribute, Moments } from "./performance.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";

/** What the means of the outcomes of one part of a window's events are computed from. */
export interface OutcomeCounts {
  readonly version: string;
  /** `formatSlice`: a watched slice, or `arm=…`; empty for the version as a whole. */
  readonly slice: string;
  readonly rows: number;
  /** By name: of rows that have a number. */
  readonly outcomes: Readonly<Record<string, { readonly known: number; readonly moments: Moments }>>;
}

/** Versions, and values of one attribute over all versions, that are measured; those with the most rows. */
const mostParts = 200;

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
  const parts = [
    { attribute: "arm", sql: "toString(arm)" },
    ...attributes.map(({ attribute, sql, values }) => ({
      attribute,
      sql: `if(${sql} IN (${values.map(sqlText).join(", ") || "''"}), toString(${sql}), '')`,
    })),
  ];
  const chosen = (text: (index: number) => string) =>
    `multiIf(${parts.map((_, index) => `grouping(part${index}) = 0, ${text(index)}`).join(", ")}, '')`;
  const sets = ["(version)", ...parts.map((_, index) => `(version, part${index})`)];
  const values = outcomes.map((outcome, index) => `${outcomeSql(outcome)} AS outcome${index}`);
  const columns = outcomes.map((_, index) => {
    const known = `ifNull(isFinite(outcome${index}), 0)`;
    return `countIf(${known}) AS known${index}, ${momentsSql(`outcome${index}`, known)} AS moments${index}`;
  });
  const rows = await facts.query<
    { version: string; attribute: string; value: string; row_count: number } & Record<string, unknown>
  >(
    `WITH ${givenOutcomes}
     SELECT version, ${chosen((index) => sqlText(parts[index]!.attribute))} AS attribute,
       ${chosen((index) => `part${index}`)} AS value, count() AS row_count, ${columns.join(", ")}
     FROM (
       SELECT toString(version) AS version, weight AS w, ${[...values, ...parts.map(({ sql }, index) => `${sql} AS part${index}`)].join(", ")}
       FROM (SELECT * FROM events WHERE ${scopeCondition}) AS events LEFT JOIN given ON events.event_id = given.event_id
     )
     GROUP BY GROUPING SETS (${sets.join(", ")})
     HAVING attribute = '' OR value != ''
     ORDER BY row_count DESC, version, value LIMIT ${mostParts} BY attribute`,
    {
      ...scopeParams(scope),
      names: outcomes.flatMap(({ name, from }) => (from === "event" ? [] : [from === "label" ? "" : name])),
      labelWindow: task.labelWindowMs,
      entityTo: scope.toMs + task.labelWindowMs,
    },
    { settings: { join_use_nulls: 0 } },
  );
  const arms = new Set(rows.filter(({ attribute }) => attribute === "arm").map(({ value }) => value));
  return rows
    .filter(({ attribute }) => attribute !== "arm" || arms.size > 1)
    .map((row) => ({
      version: row.version,
      slice: row.attribute === "" ? "" : formatSlice({ [row.attribute]: row.value }),
      rows: row.row_count,
      outcomes: Object.fromEntries(
        outcomes.map(({ name }, index) => [
          name,
          { known: row[`known${index}`] as number, moments: row[`moments${index}`] as Moments },
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
      SELECT found.event_id AS event_id, name, label_num, label_time, offset
      FROM (
        SELECT entity_key, name, label_num, label_time, offset FROM labels
        WHERE ${condition} AND event_id = '' AND entity_key != ''
      ) AS keyed
      ASOF JOIN (
        SELECT entity_key, event_id, event_time FROM events
        WHERE environment = {scopeEnvironment:String} AND model = {scopeModel:String} AND entity_key != ''
          AND event_time >= fromUnixTimestamp64Milli({scopeFrom:Int64}, 'UTC')
          AND event_time < fromUnixTimestamp64Milli({entityTo:Int64}, 'UTC')
      ) AS found ON keyed.entity_key = found.entity_key AND keyed.label_time >= found.event_time
      WHERE label_time <= found.event_time + toIntervalMillisecond({labelWindow:Int64})
        AND found.event_time < fromUnixTimestamp64Milli({scopeTo:Int64}, 'UTC')
    )
    GROUP BY event_id, name
  )
  GROUP BY event_id
)`;
