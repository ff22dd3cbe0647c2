/** Whose labels and events are joined; all parts are SQL. */
export interface EntityScope {
  /** Columns of both tables that are equal beside the entity's key; they are columns of the result. */
  readonly keys: readonly string[];
  /** Condition on `events`. */
  readonly events: string;
  /** Milliseconds. */
  readonly labelWindow: string;
  /** Condition on `found`, the event that a label was given to; null: none, which must cost nothing. */
  readonly given: string | null;
}

/**
 * One environment and model, events of a scope. Parameters: those of `scopeParams`, `labelWindow` (ms), and `entityTo` (ms), the
 * scope's end and a label window more: the latest event may lie behind the scope, and must be looked for there too, or its label
 * would go to an older one.
 */
export const eventsInScope: EntityScope = {
  keys: [],
  events: `environment = {scopeEnvironment:String} AND model = {scopeModel:String}
        AND event_time >= fromUnixTimestamp64Milli({scopeFrom:Int64}, 'UTC')
        AND event_time < fromUnixTimestamp64Milli({entityTo:Int64}, 'UTC')`,
  labelWindow: "{labelWindow:Int64}",
  given: "found.event_time < fromUnixTimestamp64Milli({scopeTo:Int64}, 'UTC')",
};

/**
 * A SELECT of labels that name an entity, each with the `event_id` of that entity's latest event at or before its time, if that is
 * within the label window.
 *
 * @param columns Of `labels`, beside `label_time`, `offset` and the scope's keys.
 * @param condition Of `labels`.
 */
export function labelsByEntity(columns: string, condition: string, scope: EntityScope): string {
  const keys = [...scope.keys, "entity_key"];
  const equal = keys.map((key) => `keyed.${key} = found.${key}`);
  return `SELECT ${scope.keys.map((key) => `keyed.${key} AS ${key}, `).join("")}found.event_id AS event_id, ${columns}, label_time, offset
    FROM (
      SELECT ${keys.join(", ")}, ${columns}, label_time, offset FROM labels
      WHERE ${condition} AND event_id = '' AND entity_key != ''
    ) AS keyed
    ASOF JOIN (
      SELECT ${keys.join(", ")}, event_id, event_time FROM events WHERE ${scope.events} AND entity_key != ''
    ) AS found ON ${equal.join(" AND ")} AND keyed.label_time >= found.event_time
    WHERE label_time <= found.event_time + toIntervalMillisecond(${scope.labelWindow})${scope.given === null ? "" : ` AND ${scope.given}`}`;
}
