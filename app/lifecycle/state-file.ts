import { join } from "node:path";

/** The alerting role's state, in the data directory. */
export function stateFile(dataDir: string): string {
  return join(dataDir, "state.sqlite");
}
