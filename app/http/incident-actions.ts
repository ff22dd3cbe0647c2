import type { ProblemCode } from "./problem.ts";

/** What a person did: the incident as `GET /api/v1/incidents/:id` now shows it, or why it was not done. */
export type ActionOutcome =
  | { readonly kind: "done"; readonly incident: object }
  | { readonly kind: "refused"; readonly code: ProblemCode; readonly detail: string };

/** Who does it, and why. `by` is the token's holder where tokens are set, else a name that the person gave. */
export interface ActionInput {
  readonly by: string;
  readonly comment?: string;
}

/** Until a time, or for a duration from now; for 4 hours if neither is given. */
export interface SilenceInput extends ActionInput {
  /** `4h`, `2d` */
  readonly for?: string;
  /** RFC 3339. */
  readonly until?: string;
}

export interface FeedbackInput extends ActionInput {
  readonly verdict: "useful" | "noise";
}

/**
 * What a person can do about an incident. When a promise resolves with `done`, it is durable: SQLite has it, and a
 * process killed at that moment loses nothing. An unknown incident is `refused` with `incident_unknown`.
 */
export interface IncidentActions {
  /** Records who saw it; the first stands, later ones change nothing. */
  readonly acknowledge: (incidentId: string, input: ActionInput) => Promise<ActionOutcome>;
  /** Holds back the notifications of this condition: a silence on the incident's labels. */
  readonly silence: (incidentId: string, input: SilenceInput) => Promise<ActionOutcome>;
  /** Whether the notification was worth having; the last word of each person counts. */
  readonly feedback: (incidentId: string, input: FeedbackInput) => Promise<ActionOutcome>;
  /**
   * Takes the present as the new normal: what was stored since the incident began, up to the last whole window, becomes
   * the model's baseline, and the incident ends as accepted. Refused while there is too little of it; `detail` says from
   * when on there should be enough.
   */
  readonly accept: (incidentId: string, input: ActionInput) => Promise<ActionOutcome>;
}
