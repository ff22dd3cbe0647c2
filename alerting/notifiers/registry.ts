import * as z from "zod";
import { LeewayError } from "../../core/errors.ts";
import { consoleNotifier } from "./console.ts";
import { emailNotifier } from "./email.ts";
import type { Notifier, NotifierDeps, NotifierKind } from "./notifier.ts";
import { slackNotifier } from "./slack.ts";
import { webhookNotifier } from "./webhook.ts";

/** Every way to reach people. Configuration, its JSON Schema, help and conformance tests derive from this list. */
export const notifierKinds = [consoleNotifier, webhookNotifier, slackNotifier, emailNotifier] as const;

/** One entry of `receivers`: a name and exactly one notifier with its options. */
export const receiverSchema = z
  .strictObject({
    name: z.string().min(1),
    console: consoleNotifier.options.optional(),
    webhook: webhookNotifier.options.optional(),
    slack: slackNotifier.options.optional(),
    email: emailNotifier.options.optional(),
  })
  .refine((receiver) => chosen(receiver).length === 1, {
    error: `give exactly one of ${notifierKinds.map(({ name }) => name).join(", ")}`,
  });

type NotifierName = Exclude<keyof z.output<typeof receiverSchema>, "name">;

export type ReceiverSpec = z.input<typeof receiverSchema>;

/** @throws LeewayError `config_invalid` if the receiver is not one of the registry's. */
export function createReceiver(spec: ReceiverSpec, deps: NotifierDeps): Notifier {
  const parsed = receiverSchema.safeParse(spec);
  const name = typeof spec.name === "string" ? spec.name : "";
  if (!parsed.success) {
    // Paths and rules alone: an option's value may be a secret.
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.code}`).join(", ");
    throw new LeewayError("config_invalid", `receiver ${JSON.stringify(name)} is wrong (${faults})`);
  }
  const [kind] = chosen(parsed.data) as [NotifierKind];
  return kind.createNotifier(parsed.data[kind.name as NotifierName], deps);
}

/** A valid receiver's notifier, and where it sends to; no secret. */
export function describeReceiver(spec: ReceiverSpec): { readonly notifier: string; readonly destination: string } {
  const parsed = receiverSchema.parse(spec);
  const [kind] = chosen(parsed) as [NotifierKind];
  return { notifier: kind.name, destination: kind.destination?.(parsed[kind.name as NotifierName]) ?? kind.summary };
}

function chosen(receiver: Readonly<Record<string, unknown>>): readonly NotifierKind[] {
  return (notifierKinds as readonly unknown[] as readonly NotifierKind[]).filter(
    ({ name }) => receiver[name] !== undefined,
  );
}
