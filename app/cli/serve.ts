import { LeewayError } from "../../core/errors.ts";
import { parseRoles, parseShard } from "../lifecycle/roles.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { packageVersion } from "./version.ts";

export const serveCommand = defineCommand({
  name: "serve",
  summary: "run the service: collect, detect, alert",
  description:
    "Runs until a signal: collects events and labels from Kafka and over HTTP (POST /v1/events, /v1/labels), decides what has\ndrifted, tells people. Without any configuration it takes them over HTTP into its own engine, in ./data. Roles may run\nin processes of their own. SIGTERM and SIGINT end it gracefully, SIGHUP reads the configuration anew. The log goes to\nstandard error as JSON lines; LEEWAY_LOG is debug, info (default), warn, error or silent.",
  options: {
    ...configOptions,
    roles: { type: "string", placeholder: "LIST", description: "collector,detector,alerting (default: all three)." },
    shard: {
      type: "string",
      placeholder: "I/N",
      description: "Detect for the I-th of N parts of the models, such as 1/3.",
    },
    port: { type: "string", placeholder: "N", description: "Instead of the port of http.listen; 0 takes a free one." },
  },
  audience: "start",
  exits: {
    0: null,
    130: "ended by SIGINT, after everything was written",
    143: "ended by SIGTERM, after everything was written",
  },
  examples: [
    "leeway serve",
    "leeway serve --config leeway.yaml",
    "leeway serve --roles collector",
    "leeway serve --roles detector --shard 1/3",
  ],
  run: async ({ options }, context) => {
    const [roles, shard, port] = [parseRoles(options.roles), parseShard(options.shard), parsePort(options.port)];
    // Loaded here: the other commands need none of it, and start in a third of the time without.
    const { serve } = await import("../lifecycle/serve.ts");
    const { createLog } = await import("../telemetry/log.ts");
    const { startTracing, tracingOff, wantsTracing } = await import("../telemetry/tracing.ts");
    let spans = tracingOff;
    const log = createLog({
      level: context.environment["LEEWAY_LOG"],
      ...(wantsTracing(context.environment) && { lineFields: () => spans.logFields() }),
    });
    await using tracing = await startTracing({ environment: context.environment, version: packageVersion(), log });
    spans = tracing;
    return await serve({
      request: configRequest(options, context),
      roles,
      shard,
      port,
      version: packageVersion(),
      log,
      tracing,
      announce: (line) => context.write(`leeway: ${line}\n`),
    });
  },
});

function parsePort(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new LeewayError("usage", `--port: ${JSON.stringify(text)} is not a port; write a number from 0 to 65535`);
}
