import { existsSync } from "node:fs";
import { durationText } from "../../../alerting/text/quantities.ts";
import { hourMs } from "../../../core/window.ts";
import { receiverRecords } from "../../../store/state/health.ts";
import { openState } from "../../../store/state/state.ts";
import { stateFile } from "../../lifecycle/state-file.ts";
import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

export const receiversCheck: Check = {
  name: "receivers",
  title: "Receivers",
  run: async ({ config, nowMs }) => {
    const path = stateFile(config.service.dataDir);
    const names = config.receivers.map(({ name }) => name);
    if (!existsSync(path)) return names.map((name) => skipped("no alerting role has run on this data directory", name));
    const records = await readRecords(path);
    if (records === null) return names.map((name) => skipped("the state file cannot be read", name));
    return names.map((name): Observation => {
      const record = records.find(({ receiver }) => receiver === name);
      if (record === undefined) {
        return warn("nothing was ever sent to it", `leeway receivers test ${name} sends it a drill`, name);
      }
      const { delivered, dead, pending, lastDeliveredMs, waitingSinceMs, lastError } = record;
      const last =
        lastDeliveredMs === null ? "" : `, the last ${durationText(Math.max(0, nowMs() - lastDeliveredMs))} ago`;
      const detail = `${delivered} delivered${last}, ${pending} waiting, ${dead} given up${lastError === null ? "" : ` (${lastError})`}`;
      const remedy = `see its options and its service, then leeway receivers test ${name}`;
      if (delivered === 0 && (dead > 0 || pending > 0)) return fail(detail, remedy, name);
      const waits = waitingSinceMs !== null && nowMs() - waitingSinceMs > hourMs;
      return dead > 0 || waits ? warn(detail, remedy, name) : ok(detail, name);
    });
  },
};

async function readRecords(path: string): Promise<ReturnType<typeof receiverRecords> | null> {
  try {
    using state = openState(path, { readOnly: true });
    return receiverRecords(state);
  } catch {
    // The check of the file says what is wrong with it.
    return null;
  }
}
