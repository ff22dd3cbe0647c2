import { resolve } from "node:path";
import { z } from "zod";
import { type ReceiverSpec, receiverSchema } from "../../alerting/notifiers/registry.ts";

export { receiverSchema };

export const routeSchema = z.strictObject({
  receiver: z
    .string()
    .min(1, { error: "is empty; name a receiver" })
    .optional()
    .meta({ description: "Who is told. Default: the first of `receivers`." }),
  group_by: z
    .array(z.string())
    .optional()
    .meta({
      description: "Labels that make one notification of several incidents.",
      builtIn: ["model", "environment"],
    }),
});

export interface RouteSpec {
  readonly receiver: string;
  readonly groupBy: readonly string[];
}

export interface Receivers {
  /** Paths of files in their options are absolute. */
  readonly receivers: readonly ReceiverSpec[];
  readonly route: RouteSpec;
}

/** Who is told if nobody is named: whoever looks at the terminal. */
const consoleAlone: readonly ReceiverSpec[] = [{ name: "console", console: {} }];

/** The receivers and the route of a valid file. */
export function readReceivers(
  file: {
    readonly receivers?: readonly ReceiverSpec[] | undefined;
    readonly route?: z.output<typeof routeSchema> | undefined;
  },
  directory: string,
): Receivers {
  const named = file.receivers ?? [];
  const receivers = named.length === 0 ? consoleAlone : named.map((receiver) => absolutePaths(receiver, directory));
  const { receiver, group_by: groupBy } = file.route ?? {};
  return {
    receivers,
    route: { receiver: receiver ?? receivers[0]!.name, groupBy: groupBy ?? ["model", "environment"] },
  };
}

/** Options called `…_file` are paths, whatever the notifier: relative ones start at the configuration file. */
function absolutePaths<Value>(value: Value, directory: string): Value {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, option]: [string, unknown]) => [
      key,
      key.endsWith("_file") && typeof option === "string"
        ? resolve(directory, option)
        : absolutePaths(option, directory),
    ]),
  ) as Value;
}
