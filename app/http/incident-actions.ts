import type { Actions, IncidentOutcome, Said } from "../../alerting/actions.ts";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ProblemCode } from "./problem.ts";
import { silenceEnd } from "./silence-end.ts";

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

/** @param actions Alerting's; null while this process has no alerting role, or starts it again. */
export function createIncidentActions(actions: () => Actions | null): IncidentActions {
  const act = async (
    input: ActionInput,
    work: (actions: Actions, said: Said) => IncidentOutcome | ActionOutcome | Promise<IncidentOutcome>,
  ): Promise<ActionOutcome> => {
    const current = actions();
    if (current === null) return roleAbsent;
    const by = input.by.trim();
    if (by === "") return refused("request_invalid", "by: say who you are");
    try {
      return await work(current, { by, comment: input.comment?.trim() || null });
    } catch (error) {
      if (!(error instanceof LeewayError) || !error.retryable) throw error;
      return refused("store_unreachable", `${error.message}; nothing was changed, try again`);
    }
  };
  return {
    acknowledge: (id, input) => act(input, (current, said) => current.acknowledge(id, said)),
    silence: (id, input) =>
      act(input, (current, said) => {
        const end = silenceEnd(input, systemClock.now());
        if (end.kind === "refused") return refused("request_invalid", end.detail);
        return current.silence(id, { ...said, untilMs: end.untilMs });
      }),
    feedback: (id, input) => act(input, (current, said) => current.feedback(id, { ...said, verdict: input.verdict })),
    accept: (id, input) => act(input, (current, said) => current.accept(id, said)),
  };
}

function refused(code: ProblemCode, detail: string): ActionOutcome {
  return { kind: "refused", code, detail };
}

export const roleAbsent = {
  kind: "refused",
  code: "role_absent",
  detail: "incidents are known to the process with the alerting role; ask that one",
} as const;
