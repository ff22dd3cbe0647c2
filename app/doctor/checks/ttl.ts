import { overdueRows, tableEngines } from "../../../store/facts/health.ts";
import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

export const ttlCheck: Check = {
  name: "ttl",
  title: "Retention",
  run: async (patient) => {
    const facts = await patient.facts();
    const engines = await tableEngines(facts);
    return Promise.all(
      (["events", "labels"] as const).map(async (table): Promise<Observation> => {
        const engine = engines.get(table);
        if (engine === undefined) return skipped("the table does not exist", table);
        if (!/\bTTL expires_on\b/.test(engine)) {
          return fail("rows never expire", `ALTER TABLE ${table} MODIFY TTL expires_on`, table);
        }
        const overdue = await overdueRows(facts, table);
        if (overdue === 0) return ok("rows expire when their model's retention is over", table);
        const detail = `${overdue.toLocaleString("en-US")} rows are more than a week past their end`;
        return warn(
          detail,
          `merges are behind or stopped: SYSTEM START TTL MERGES ${table}, or OPTIMIZE TABLE ${table} FINAL`,
          table,
        );
      }),
    );
  },
};
