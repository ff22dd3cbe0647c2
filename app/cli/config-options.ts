import type { ConfigRequest } from "../config/load.ts";
import type { CommandContext } from "./command.ts";

/** Where a command finds its configuration and data: the same two options everywhere. */
export const configOptions = {
  config: {
    type: "string",
    placeholder: "FILE",
    description: "leeway.yaml; else LEEWAY_CONFIG, else ./leeway.yaml, else the defaults.",
  },
  data: {
    type: "string",
    placeholder: "DIR",
    description: "Data directory; else `data` of leeway.yaml, else LEEWAY_DATA, else ./data.",
  },
} as const;

export function configRequest(
  options: { readonly config?: string; readonly data?: string },
  context: CommandContext,
): ConfigRequest {
  return {
    path: options.config ?? null,
    dataDir: options.data ?? null,
    environment: context.environment,
    cwd: context.cwd,
  };
}
