import { hourMs } from "../../../core/window.ts";
import { insertsSince, tableEngines } from "../../../store/facts/health.ts";
import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

/** The longest recovery: a range left unfinished is written again under its token for so long. */
const recoveryMs = hourMs;

export const deduplicationCheck: Check = {
  name: "deduplication",
  title: "Deduplication window",
  run: async (patient) => {
    const facts = await patient.facts();
    const engines = await tableEngines(facts);
    return Promise.all(
      (["events", "labels"] as const).map(async (table): Promise<Observation> => {
        const engine = engines.get(table);
        if (engine === undefined) return skipped("the table does not exist", table);
        const setting = /^(Replicated|Shared)/.test(engine)
          ? "replicated_deduplication_window"
          : "non_replicated_deduplication_window";
        const window = Number(new RegExp(`\\b${setting} = (\\d+)`).exec(engine)?.[1] ?? 0);
        const inserts = await insertsSince(facts, table, patient.nowMs() - recoveryMs);
        const detail = `${window.toLocaleString("en-US")} inserts are remembered, ${inserts.toLocaleString("en-US")} came in the last hour`;
        const remedy = `ALTER TABLE ${table} MODIFY SETTING ${setting} = ${Math.max(10_000, 4 * inserts)}; or raise collector.flush_age`;
        if (window === 0)
          return fail(`${detail}: an insert that is repeated after a crash is stored twice`, remedy, table);
        // What comes over HTTP or from files is looked up, and needs no window.
        if (patient.config.service.kafka === null) return ok(detail, table);
        if (inserts > window) return fail(`${detail}: an hour's recovery is not covered`, remedy, table);
        return inserts > window / 2 ? warn(detail, remedy, table) : ok(detail, table);
      }),
    );
  },
};
