import { LeewayError } from "../../../core/errors.ts";
import { storeClock } from "../../../store/facts/health.ts";
import { fail, ok, type Check } from "../check.ts";

export const storeCheck: Check = {
  name: "store",
  title: "ClickHouse",
  run: async (patient) => {
    const { store, dataDir } = patient.config.service;
    const embedded = store.url === null;
    try {
      const facts = await patient.facts();
      const before = performance.now();
      const { version } = await storeClock(facts);
      const ms = Math.round(performance.now() - before);
      const what = embedded ? `embedded engine, ClickHouse ${version}` : `server, ClickHouse ${version}`;
      return [ok(`${what}, answers in ${ms} ms; database ${facts.database}`)];
    } catch (error) {
      if (!(error instanceof LeewayError)) throw error;
      const remedy = embedded
        ? `start leeway serve there (it owns the engine), or name its directory with --data; looked in ${dataDir}`
        : "check store.url or CLICKHOUSE_URL, user and password, and that the server runs";
      return [fail(error.message, remedy)];
    }
  },
};
