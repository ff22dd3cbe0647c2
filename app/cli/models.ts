import { requireConfig } from "../config/load.ts";
import { runningService } from "../lifecycle/address-files.ts";
import { modelSummaries } from "../http/model-summary.ts";
import { apiAddress, getJson } from "./api-client.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { formatTable } from "./table.ts";
import type { ModelSummary } from "../http/model-summary.ts";

export const modelsCommand = defineCommand({
  name: "models",
  summary: "list the models",
  description:
    "Asks the service that runs on the data directory, or the one that LEEWAY_URL names: it also knows the models that\nregistered themselves. Where none runs, lists the models that files declare.",
  options: {
    ...configOptions,
    json: { type: "boolean", description: "Print JSON instead of a table." },
  },
  audience: "look",
  examples: ["leeway models", "LEEWAY_URL=http://127.0.0.1:8686 leeway models --json"],
  run: async ({ options }, context) => {
    const named = apiAddress(context.environment);
    const config = named === null ? requireConfig(configRequest(options, context)) : null;
    const url = config === null ? null : runningService(config.service.dataDir);
    const address = url === null ? named : { url, token: context.environment["LEEWAY_TOKEN"] || null };
    const models =
      address === null
        ? modelSummaries(config?.models ?? [])
        : (await getJson<{ models: readonly ModelSummary[] }>(address, "/api/v1/models")).models;
    if (options.json === true) {
      context.write(`${JSON.stringify(models, null, 2)}\n`);
      return 0;
    }
    if (models.length === 0) {
      const remedy =
        address === null ? "start leeway serve here, or set LEEWAY_URL" : "send an event, see docs/ingest.md";
      context.write(`no models yet: add models/<name>.yaml, or ${remedy}\n`);
      return 0;
    }
    context.write(
      formatTable(
        ["model", "origin", "task", "features", "cohorts", "baseline", "window", "tags"].map((name) => ({ name })),
        models.map((model) => [
          model.model,
          model.origin,
          model.task,
          model.features,
          model.cohorts,
          model.baseline,
          model.window,
          Object.entries(model.tags)
            .map(([tag, value]) => `${tag}=${value}`)
            .join(" "),
        ]),
        { width: context.output?.columns },
      ),
    );
    return 0;
  },
});
