import { z } from "zod";
import { nonEmptyText } from "./option-types.ts";

export const receiverSchema = z.strictObject({
  name: nonEmptyText,
  console: z.strictObject({}).optional(),
  webhook: z
    .strictObject({
      url: z.string().optional(),
      url_file: z.string().optional(),
      headers: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});

export const routeSchema = z.strictObject({ receiver: nonEmptyText, group_by: z.array(z.string()).optional() });

export interface Receivers {
  readonly receivers: readonly z.output<typeof receiverSchema>[];
  readonly route: z.output<typeof routeSchema>;
}

/** The receivers and the route of a valid file. */
export function readReceivers(
  file: {
    receivers?: readonly z.output<typeof receiverSchema>[] | undefined;
    route?: z.output<typeof routeSchema> | undefined;
  },
  _directory: string,
): Receivers {
  const receivers = file.receivers ?? [{ name: "console", console: {} }];
  return { receivers, route: file.route ?? { receiver: receivers[0]!.name } };
}
