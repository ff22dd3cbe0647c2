import { requireConfig } from "../config/load.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";

export const migrateCommand = defineCommand({
  name: "migrate",
  summary: "make the tables, or bring them up to date",
  description:
    "Makes the database and its tables in ClickHouse, or brings them up to this version. The detector and alerting roles\ndo the same when they start; collectors, which need no right to change tables, wait for it.",
  options: configOptions,
  audience: "operate",
  exits: { 2: "the command line or the configuration is wrong, or the tables are newer than this program" },
  examples: ["leeway migrate", "CLICKHOUSE_URL=http://127.0.0.1:8123 leeway migrate"],
  run: async ({ options }, context) => {
    const { service } = requireConfig(configRequest(options, context));
    // Loaded here, as in serve: the other commands start faster without.
    const [{ connectStore }, { createLog }, { schemaVersion }] = await Promise.all([
      import("../lifecycle/store-connection.ts"),
      import("../telemetry/log.ts"),
      import("../../store/migrations/migrate.ts"),
    ]);
    const log = createLog({ level: context.environment["LEEWAY_LOG"] || "warn" });
    await using store = await connectStore({ service, owner: true, log });
    context.write(`database ${store.facts.database}: tables at version ${schemaVersion}\n`);
    return 0;
  },
});
