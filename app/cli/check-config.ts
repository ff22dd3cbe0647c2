import { configError } from "../config/fault.ts";
import { loadConfig } from "../config/load.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";

export const checkConfigCommand = defineCommand({
  name: "check-config",
  summary: "check leeway.yaml and the model files",
  description:
    "Reads the configuration as serve would and lists every fault with its file, line and path. Exit code 2 if there is one.",
  options: { config: configOptions.config },
  audience: "operate",
  exits: { 0: "the configuration is valid", 2: "something in it is wrong", 3: null },
  examples: ["leeway check-config", "leeway check-config --config deploy/leeway.yaml"],
  run: async ({ options }, context) => {
    const result = loadConfig(configRequest(options, context));
    if (result.kind === "invalid") throw configError(result.faults, context.cwd);
    const { service, models, files } = result.config;
    const where = service.file === null ? "no leeway.yaml: the defaults hold" : `${service.file}: valid`;
    context.write(
      `${where} (${files.length} ${files.length === 1 ? "file" : "files"}, ${models.length} ${models.length === 1 ? "model" : "models"})\n`,
    );
    return 0;
  },
});
