import { setTimeout as delay } from "node:timers/promises";
import { LeewayError } from "../../core/errors.ts";
import { type Engine, type EngineAddress, findEngine, startEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import { ensureDatabase } from "../../store/facts/database.ts";
import { checkSchema, migrate } from "../../store/migrations/migrate.ts";
import type { ServiceConfig } from "../config/service-config.ts";
import type { Log } from "../telemetry/log.ts";

const patienceMs = 60_000;
const lookEveryMs = 250;

export interface StoreConnection extends AsyncDisposable {
  readonly facts: Facts;
  /** `server`, `started` (the embedded engine, by this process) or `found` (by another one). */
  readonly engine: "server" | "started" | "found";
}

/**
 * Connects to ClickHouse, or to the embedded engine of the data directory.
 *
 * @param options.owner Whether this process may start the engine and make the tables (detector, alerting, migrate). One
 *   that may not waits up to a minute for another one to do it.
 * @throws store_unreachable, schema_outdated, engine_missing; whatever `abort` holds if it is aborted.
 */
export async function connectStore(options: {
  readonly service: ServiceConfig;
  readonly owner: boolean;
  readonly log: Log;
  readonly abort?: AbortSignal;
  /** How long another process is waited for; a minute unless told otherwise. */
  readonly patienceMs?: number;
}): Promise<StoreConnection> {
  const { service, owner, log } = options;
  const { store } = service;
  await using resources = new AsyncDisposableStack();
  const deadlineMs = Date.now() + (options.patienceMs ?? patienceMs);
  const abort = options.abort ?? new AbortController().signal;

  let engine: StoreConnection["engine"] = "server";
  let address: () => Promise<FactsAddress>;
  let first: FactsAddress;
  if (store.url !== null) {
    first = {
      url: store.url,
      ...(store.user !== null && { user: store.user }),
      ...(store.password !== null && { password: store.password }),
    };
    address = async () => first;
  } else {
    const found = await reachEngine({ dataDir: service.dataDir, owner, log, deadlineMs, abort });
    engine = found.kind;
    if (found.kind === "started") resources.use(found.engine);
    first = engineAddress(found.engine);
    address = async () => {
      const now = await findEngine(service.dataDir);
      return now === null ? first : engineAddress(now);
    };
  }

  if (owner) {
    await using admin = createFacts({ ...first, database: "default", log });
    await ensureDatabase(admin, store.database);
  }
  const connect = (to: FactsAddress) => createFacts({ ...to, database: store.database, log });
  const facts = resources.use(engine === "found" ? followFacts({ first, address, connect, log }) : connect(first));
  if (owner) {
    const before = await migrate(facts);
    log.debug({ database: store.database, before }, "the tables are up to date");
  } else await waitForSchema(facts, deadlineMs, abort);

  const held = resources.move();
  return { facts, engine, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

interface FactsAddress {
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

function engineAddress({ url, token }: EngineAddress): FactsAddress {
  return { url, token };
}

async function reachEngine(options: {
  readonly dataDir: string;
  readonly owner: boolean;
  readonly log: Log;
  readonly deadlineMs: number;
  readonly abort: AbortSignal;
}): Promise<{ kind: "started"; engine: Engine } | { kind: "found"; engine: EngineAddress }> {
  const { dataDir, owner, log, deadlineMs, abort } = options;
  const running = await findEngine(dataDir);
  if (running !== null) return { kind: "found", engine: running };
  if (owner) {
    try {
      return { kind: "started", engine: await startEngine({ dataDir, log }) };
    } catch (error) {
      // Two roles may start at the same moment: the other one's engine will do.
      const other = await findEngine(dataDir);
      if (other === null) throw error;
      return { kind: "found", engine: other };
    }
  }
  log.info({ dataDir }, "waiting for the process that starts the embedded engine");
  while (Date.now() < deadlineMs) {
    await delay(lookEveryMs, undefined, { signal: abort });
    const found = await findEngine(dataDir);
    if (found !== null) return { kind: "found", engine: found };
  }
  const message = `no engine serves ${dataDir} after ${patienceMs / 1000} s; start leeway serve --roles detector,alerting there, or set CLICKHOUSE_URL`;
  throw new LeewayError("store_unreachable", message);
}

async function waitForSchema(facts: Facts, deadlineMs: number, abort: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await checkSchema(facts);
    } catch (error) {
      // Whoever makes the tables may be at it right now. ClickHouse refuses a database that is not there yet.
      const maybeSoon = error instanceof LeewayError && ["schema_outdated", "store_rejected"].includes(error.code);
      if (!maybeSoon || Date.now() >= deadlineMs) throw error;
    }
    await delay(lookEveryMs, undefined, { signal: abort });
  }
}

/**
 * Facts on an engine that another process owns. When that process starts anew the engine has another port and token; a
 * call that fails meanwhile is retryable, and the next one goes to the new address.
 */
function followFacts(options: {
  readonly first: FactsAddress;
  readonly address: () => Promise<FactsAddress>;
  readonly connect: (address: FactsAddress) => Facts;
  readonly log: Log;
}): Facts {
  let address = options.first;
  let facts = options.connect(address);
  const call = async <Result>(work: (facts: Facts) => Promise<Result>): Promise<Result> => {
    const used = facts;
    try {
      return await work(used);
    } catch (error) {
      if (!(error instanceof LeewayError) || error.code !== "store_unreachable") throw error;
      const now = await options.address();
      if (used === facts && (now.url !== address.url || now.token !== address.token)) {
        options.log.info({ url: now.url }, "the embedded engine has a new address");
        [address, facts] = [now, options.connect(now)];
        await used[Symbol.asyncDispose]();
      }
      throw error;
    }
  };
  return {
    database: facts.database,
    query: (sql, params, queryOptions) => call((current) => current.query(sql, params, queryOptions)),
    queryNative: (sql, params, settings) => call((current) => current.queryNative(sql, params, settings)),
    command: (sql, params, settings) => call((current) => current.command(sql, params, settings)),
    insertRows: (table, rows, token) => call((current) => current.insertRows(table, rows, token)),
    insertBlock: (insert) => call((current) => current.insertBlock(insert)),
    insertFile: (insert) => call((current) => current.insertFile(insert)),
    ping: () => call((current) => current.ping()),
    [Symbol.asyncDispose]: () => facts[Symbol.asyncDispose](),
  };
}
