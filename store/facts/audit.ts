import { dateTimeText } from "./row-scope.ts";

/** A row of `audit`: what a person did to the service's state. Mirrored at least once. */
export function auditRow(action: {
  readonly atMs: number;
  readonly actor: string;
  readonly action: "acknowledge" | "silence" | "end_silence" | "feedback" | "accept_baseline";
  /** Id of what it was done to. */
  readonly subject: string;
  readonly detail: object;
}): object {
  const { atMs, actor, action: name, subject, detail } = action;
  return { at: dateTimeText(atMs), actor, action: name, subject, detail: JSON.stringify(detail) };
}
