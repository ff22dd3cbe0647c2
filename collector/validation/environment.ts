import { baselineEnvironmentPrefix, environments, replayEnvironmentPrefix } from "../../core/inference-event.ts";
import { describeValue, type Fault } from "./fault.ts";

const known: ReadonlySet<string> = new Set(environments);

/** Where events go that do not name an environment. */
export const defaultEnvironment = "production";

/** A known environment, or a replay's own. `baseline-…` holds Leeway's reference rows: nobody else writes there. */
export function isEnvironment(name: string): boolean {
  if (known.has(name)) return true;
  return name.length > replayEnvironmentPrefix.length && name.startsWith(replayEnvironmentPrefix);
}

export function environmentFault(value: unknown): Fault {
  if (typeof value === "string" && value.startsWith(baselineEnvironmentPrefix)) {
    return { reason: "environment_invalid", detail: `environment ${baselineEnvironmentPrefix}… is reserved` };
  }
  return {
    reason: "environment_invalid",
    detail: `environment is ${describeValue(value)}: send one of ${environments.join(", ")} or ${replayEnvironmentPrefix}…`,
  };
}
