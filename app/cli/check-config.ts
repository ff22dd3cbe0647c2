import { configError, displayPath } from "../config/fault.ts";
import { loadConfig } from "../config/load.ts";
import { outputPalette } from "./colour.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { textWidth, wrapText } from "./wrap.ts";

export const checkConfigCommand = defineCommand({
  name: "check-config",
  summary: "check leeway.yaml and the model files",
  description:
    "Reads the configuration as serve would and lists every fault with its file, line and path. Exit code 2 if there is one. It looks at files alone: leeway doctor looks at what they name.",
  options: { config: configOptions.config, json: { type: "boolean", description: "Print JSON, the faults as well." } },
  audience: "operate",
  exits: { 0: "the configuration is valid", 2: "something in it is wrong", 3: null },
  examples: ["leeway check-config", "leeway check-config --config deploy/leeway.yaml --json"],
  run: async ({ options }, context) => {
    const result = loadConfig(configRequest(options, context));
    if (result.kind === "invalid") {
      if (options.json !== true) throw configError(result.faults, context.cwd);
      context.write(`${JSON.stringify({ valid: false, faults: result.faults }, null, 2)}\n`);
      return 2;
    }
    const { service, models, receivers, files } = result.config;
    const found = {
      files: files.map((file) => displayPath(file, context.cwd)),
      models: models.map(({ name }) => name),
      receivers: receivers.map(({ name }) => name),
    };
    if (options.json === true) {
      context.write(`${JSON.stringify({ valid: true, ...found }, null, 2)}\n`);
      return 0;
    }
    const palette = outputPalette(context);
    const where = service.file === null ? "no leeway.yaml: the defaults hold" : displayPath(service.file, context.cwd);
    const lines = Object.entries(found).map(
      ([what, names]) =>
        `  ${what.padEnd("receivers".length)}  ${wrapText(names.join(", ") || "none", textWidth(context), 13)}`,
    );
    context.write(`${where}: ${palette.good("valid")}\n${lines.join("\n")}\n`);
    return 0;
  },
});
