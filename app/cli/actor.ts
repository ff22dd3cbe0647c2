import { userInfo } from "node:os";
import type { SilenceView } from "../../alerting/incident-view.ts";
import { matcherList } from "../../alerting/silences/matchers.ts";
import { LeewayError } from "../../core/errors.ts";
import type { CommandContext } from "./command.ts";

/** What commands that change something take beside their own options. */
export const actorOptions = {
  by: {
    type: "string",
    placeholder: "NAME",
    description: "Who does it; the login name by default. A token says so itself.",
  },
  comment: { type: "string", placeholder: "TEXT", description: "Why, for those who look later." },
} as const;

/** @throws usage if nobody is named. */
export function actor(
  command: string,
  options: { readonly by?: string; readonly comment?: string },
  context: CommandContext,
): { readonly by: string; readonly comment?: string } {
  const by = (options.by ?? context.environment["USER"] ?? context.environment["LOGNAME"] ?? loginName()).trim();
  if (by === "") throw new LeewayError("usage", `${command}: say who you are with --by NAME`);
  return { by, ...(options.comment !== undefined && { comment: options.comment }) };
}

/** Empty where the system knows no name for the user, as in some containers. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}

/** Options of what ends by itself. */
export const durationOptions = {
  for: { type: "string", placeholder: "TIME", description: "How long, as 30m, 4h or 2d; 4h by default." },
  until: { type: "string", placeholder: "TIME", description: "Until when, instead: RFC 3339, or a date in UTC." },
} as const;

/** As the API takes it. */
export function durationBody(options: { readonly for?: string; readonly until?: string }): {
  readonly for?: string;
  readonly until?: string;
} {
  return {
    ...(options.for !== undefined && { for: options.for }),
    ...(options.until !== undefined && { until: options.until }),
  };
}

/** `2026-11-25 04:05`, in UTC. */
export function minuteText(timestamp: string): string {
  return timestamp.slice(0, 16).replace("T", " ");
}

/** `model=flight-delay feature=hour,origin severity!=page` */
export function matchersText(matchers: SilenceView["matchers"]): string {
  return matcherList(matchers)
    .map(({ label, operator, values }) => `${label}${operator}${values.map((one) => one || '""').join(",")}`)
    .join(" ");
}
