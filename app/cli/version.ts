import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineCommand } from "./command.ts";

/** The version of the package that this file belongs to: two folders up in a clone, three in a built package. */
export function packageVersion(): string {
  for (let directory = import.meta.dirname; directory !== dirname(directory); directory = dirname(directory)) {
    try {
      const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === "leeway") return manifest.version ?? "unknown";
    } catch {
      // No manifest here; look one folder up.
    }
  }
  return "unknown";
}

export const versionCommand = defineCommand({
  name: "version",
  summary: "show the version",
  description: "Shows the version of Leeway and of the Node that runs it.",
  options: {},
  examples: ["leeway version"],
  exits: { 3: null },
  run: async (_, context) => {
    context.write(`leeway ${packageVersion()} (node ${process.version})\n`);
    return 0;
  },
});
