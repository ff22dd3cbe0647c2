import { resolve } from "node:path";
import { type ReceiverSpec, receiverSchema } from "../../alerting/notifiers/registry.ts";
import { type Route, routeSchema } from "../../alerting/routing/route.ts";

export { receiverSchema, routeSchema };

export interface Receivers {
  /** Paths of files in their options are absolute. */
  readonly receivers: readonly ReceiverSpec[];
  readonly route: Route;
}

/** Who is told if nobody is named: whoever looks at the terminal. */
const consoleAlone: readonly ReceiverSpec[] = [{ name: "console", console: {} }];

/** The receivers and the route of a valid file. */
export function readReceivers(
  file: {
    readonly receivers?: readonly ReceiverSpec[] | undefined;
    readonly route?: Route | undefined;
  },
  directory: string,
): Receivers {
  const named = file.receivers ?? [];
  const receivers = named.length === 0 ? consoleAlone : named.map((receiver) => absolutePaths(receiver, directory));
  return { receivers, route: file.route ?? { receiver: receivers[0]!.name } };
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
