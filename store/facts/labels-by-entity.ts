/**
 * A SELECT of labels that name an entity, each with the `event_id` of that entity's latest event at or before its time, if that is
 * within the label window and one of the scope. Parameters: those of `scopeParams`, `labelWindow` (ms), and `entityTo` (ms), the
 * scope's end and a label window more: the latest event may lie behind the scope, and must be looked for there too, or its label
 * would go to an older one.
 *
 * @param columns Of `labels`, beside `label_time` and `offset`.
 * @param condition Of `labels`.
 */
export function labelsByEntity(columns: string, condition: string): string {
  return `SELECT found.event_id AS event_id, ${columns}, label_time, offset
    FROM (
      SELECT entity_key, ${columns}, label_time, offset FROM labels
      WHERE ${condition} AND event_id = '' AND entity_key != ''
    ) AS keyed
    ASOF JOIN (
      SELECT entity_key, event_id, event_time FROM events
      WHERE environment = {scopeEnvironment:String} AND model = {scopeModel:String} AND entity_key != ''
        AND event_time >= fromUnixTimestamp64Milli({scopeFrom:Int64}, 'UTC')
        AND event_time < fromUnixTimestamp64Milli({entityTo:Int64}, 'UTC')
    ) AS found ON keyed.entity_key = found.entity_key AND keyed.label_time >= found.event_time
    WHERE label_time <= found.event_time + toIntervalMillisecond({labelWindow:Int64})
      AND found.event_time < fromUnixTimestamp64Milli({scopeTo:Int64}, 'UTC')`;
}
