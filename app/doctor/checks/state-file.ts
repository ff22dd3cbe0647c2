import { existsSync, statSync } from "node:fs";
import { LeewayError } from "../../../core/errors.ts";
import { stateFault } from "../../../store/state/health.ts";
import { openState } from "../../../store/state/state.ts";
import { stateFile } from "../../lifecycle/state-file.ts";
import { fail, ok, skipped, type Check } from "../check.ts";
import { sizeText } from "../size-text.ts";

export const stateFileCheck: Check = {
  name: "state_file",
  title: "State file",
  run: async ({ config }) => {
    const path = stateFile(config.service.dataDir);
    if (!existsSync(path)) return [skipped("there is none: no alerting role has run on this data directory", path)];
    const remedy =
      "stop the alerting role and put back a copy of state.sqlite; without it, incidents are told anew from finding_history";
    try {
      using state = openState(path, { readOnly: true });
      const fault = stateFault(state);
      return [
        fault === null ? ok(`sound, ${sizeText(statSync(path).size)}`, path) : fail(`damaged: ${fault}`, remedy, path),
      ];
    } catch (error) {
      if (error instanceof LeewayError) return [fail(error.message, remedy, path)];
      // SQLite's own, of a file that is no database or is damaged where it was read.
      return [fail(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, remedy, path)];
    }
  },
};
