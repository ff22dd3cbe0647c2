import type { State } from "./state.ts";

export const feedbackVerdicts = ["useful", "noise"] as const;
export type FeedbackVerdict = (typeof feedbackVerdicts)[number];

/** What one person says of one incident. */
export interface Feedback {
  readonly by: string;
  readonly verdict: FeedbackVerdict;
  readonly comment: string | null;
  /** Wall clock. */
  readonly atMs: number;
}

/** The last word of each person counts. @returns How often this person has spoken of it. */
export function writeFeedback(state: State, incidentId: string, model: string, feedback: Feedback): number {
  state.run(
    `INSERT INTO feedback (incident_id, given_by, model, verdict, comment, given_ms, sequence)
     VALUES (?, ?, ?, ?, ?, ?, 1)
     ON CONFLICT (incident_id, given_by) DO UPDATE SET verdict = excluded.verdict, comment = excluded.comment,
       given_ms = excluded.given_ms, sequence = sequence + 1`,
    incidentId,
    feedback.by,
    model,
    feedback.verdict,
    feedback.comment,
    feedback.atMs,
  );
  const row = state.get<{ sequence: number }>(
    "SELECT sequence FROM feedback WHERE incident_id = ? AND given_by = ?",
    incidentId,
    feedback.by,
  );
  return row?.sequence ?? 1;
}

/** In the order in which it was given. */
export function listFeedback(state: State, incidentId: string): readonly Feedback[] {
  return state.all<Feedback & Record<string, unknown>>(
    `SELECT given_by AS by, verdict, comment, given_ms AS atMs FROM feedback WHERE incident_id = ?
     ORDER BY given_ms, given_by`,
    incidentId,
  );
}

export function countFeedback(
  state: State,
): readonly { readonly model: string; readonly verdict: FeedbackVerdict; readonly people: number }[] {
  return state.all("SELECT model, verdict, count(*) AS people FROM feedback GROUP BY model, verdict");
}
