import type { AcceptedBaseline } from "../../core/accepted-baseline.ts";
import type { BaselineSpec } from "../../core/baseline.ts";
import type { State } from "./state.ts";

interface Stored {
  acceptance_id: string;
  environment: string;
  model: string;
  spec: string | null;
  configured: string | null;
  replaced: string;
  incident_id: string | null;
  accepted_by: string;
  comment: string | null;
  accepted_ms: number;
}

const specOf = (json: string | null) => (json === null ? null : (JSON.parse(json) as BaselineSpec));
const jsonOf = (spec: BaselineSpec | null) => (spec === null ? null : JSON.stringify(spec));

function toAccepted(stored: Stored): AcceptedBaseline {
  return {
    acceptanceId: stored.acceptance_id,
    environment: stored.environment,
    model: stored.model,
    spec: specOf(stored.spec),
    configured: specOf(stored.configured),
    replaced: JSON.parse(stored.replaced) as readonly string[],
    incidentId: stored.incident_id,
    by: stored.accepted_by,
    comment: stored.comment,
    atMs: stored.accepted_ms,
  };
}

export function insertAcceptedBaseline(state: State, accepted: AcceptedBaseline): void {
  state.run(
    `INSERT INTO accepted_baselines (acceptance_id, environment, model, spec, configured, replaced, incident_id,
       accepted_by, comment, accepted_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    accepted.acceptanceId,
    accepted.environment,
    accepted.model,
    jsonOf(accepted.spec),
    jsonOf(accepted.configured),
    JSON.stringify(accepted.replaced),
    accepted.incidentId,
    accepted.by,
    accepted.comment,
    accepted.atMs,
  );
}

/** The newest first. */
export function listAcceptedBaselines(state: State, model: string): readonly AcceptedBaseline[] {
  return state.all<Stored>("SELECT * FROM accepted_baselines WHERE model = ? ORDER BY id DESC", model).map(toAccepted);
}

/** The newest of each model and environment. */
export function latestAcceptedBaselines(state: State): readonly AcceptedBaseline[] {
  return state
    .all<Stored>(
      `SELECT * FROM accepted_baselines
       WHERE id IN (SELECT max(id) FROM accepted_baselines GROUP BY environment, model) ORDER BY id`,
    )
    .map(toAccepted);
}
