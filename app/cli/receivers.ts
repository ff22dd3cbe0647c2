import { drillMessage } from "../../alerting/drill.ts";
import { createReceiver, describeReceiver } from "../../alerting/notifiers/registry.ts";
import type { Route } from "../../alerting/routing/route.ts";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";
import { requireConfig } from "../config/load.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { formatTable } from "./table.ts";

/** Longer than any receiver's own timeout should be. */
const drillTimeoutMs = 5 * 60_000;

export const receiversCommand = defineCommand({
  name: "receivers",
  summary: "list who is told, or send a drill",
  operands: "list | test NAME",
  maxOperands: 2,
  description:
    "list shows the receivers of leeway.yaml and what their notifiers send to; no secret is shown.\ntest sends one message that says it is a drill through the real notifier, and says what became of it. It belongs to no\nincident, pings nobody by name, and no service needs to run.",
  options: {
    ...configOptions,
    json: { type: "boolean", description: "Print JSON instead of a table or a line." },
  },
  audience: "operate",
  exits: {
    0: "listed, or the receiver took the drill",
    1: "the receiver refused the drill for good",
    3: "the receiver could not be reached, or asks to come later",
  },
  examples: ["leeway receivers list", "leeway receivers test ops"],
  run: async ({ options, operands: [verb = "list", name] }, context) => {
    if (verb !== "list" && verb !== "test") {
      const message = `receivers: ${JSON.stringify(verb)} is neither list nor test; write leeway receivers test NAME`;
      throw new LeewayError("usage", message);
    }
    const { receivers, route, service } = requireConfig(configRequest(options, context));
    const names = receivers.map((receiver) => receiver.name);
    if (verb === "list") {
      if (name !== undefined) throw new LeewayError("usage", "receivers: list takes no name; leave it out");
      const rows = receivers.map((receiver) => ({
        receiver: receiver.name,
        ...describeReceiver(receiver),
        routed: isRouted(route, receiver.name),
      }));
      if (options.json === true) context.write(`${JSON.stringify(rows, null, 2)}\n`);
      else {
        context.write(
          formatTable(
            ["receiver", "notifier", "sends to", "routed"].map((column) => ({ name: column, align: "left" })),
            rows.map((row) => [row.receiver, row.notifier, row.destination, row.routed ? "yes" : "by no route"]),
            { width: context.output?.columns },
          ),
        );
      }
      return 0;
    }
    if (name === undefined) {
      throw new LeewayError("usage", `receivers: say which; write leeway receivers test ${names[0] ?? "NAME"}`);
    }
    const receiver = receivers.find((each) => each.name === name);
    if (receiver === undefined) {
      const nearest = nearestName(name, names);
      const remedy = nearest === null ? `use one of ${names.join(", ")}` : `did you mean ${nearest}?`;
      throw new LeewayError("usage", `receivers: no receiver is named ${JSON.stringify(name)}; ${remedy}`);
    }
    const { notifier: kind, destination } = describeReceiver(receiver);
    const notifier = createReceiver(receiver, {
      printedTo: { write: context.write, isTTY: context.output?.isTerminal ?? false },
      environment: context.environment,
    });
    const beganMs = systemClock.now();
    const externalUrl = service.http.externalUrl ?? `http://${service.http.host}:${service.http.port}`;
    const message = drillMessage({ receiver: name, externalUrl, nowMs: beganMs });
    const signal = AbortSignal.timeout(drillTimeoutMs);
    const result = await notifier.deliver(message, { idempotencyKey: message.idempotencyKey, signal });
    const tookMs = systemClock.now() - beganMs;
    if (result.kind !== "ok") {
      const retry =
        result.kind === "retryable"
          ? "; serve would try again"
          : "; serve would give up: mend the receiver's options or the other end";
      const line = `receiver ${JSON.stringify(name)} (${kind}): ${result.error}${retry}`;
      throw new LeewayError(result.kind === "permanent" ? "check_failed" : "notifier_failed", line);
    }
    const note = result.note === undefined ? "" : `; ${result.note}`;
    context.write(
      options.json === true
        ? `${JSON.stringify({ receiver: name, notifier: kind, destination, took_ms: tookMs, note: result.note ?? null })}\n`
        : `${name} (${kind}): took the drill in ${tookMs} ms${note}; see whether it arrived (${destination})\n`,
    );
    return 0;
  },
});

function isRouted(route: Route, name: string): boolean {
  return route.receiver === name || (route.routes ?? []).some((child) => isRouted(child, name));
}
