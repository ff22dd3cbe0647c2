import { LeewayError } from "../../core/errors.ts";
import { findEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import type { ReaderAddress } from "../../store/facts/reader.ts";
import type { ServiceConfig } from "../config/service-config.ts";

/**
 * Who reads: the configured reader of a server, else the embedded engine's reader token.
 * @throws store_unreachable if nothing serves the data directory: looking does not start an engine.
 */
export async function readerAddress(service: ServiceConfig): Promise<ReaderAddress> {
  const { store, dataDir } = service;
  if (store.url !== null) {
    const { user, password } = store.reader ?? store;
    return {
      url: store.url,
      ...(user !== null && { user }),
      ...(password !== null && { password }),
      database: store.database,
      ...(store.reader === null && { readonly: 2 as const }),
    };
  }
  const engine = await findEngine(dataDir);
  if (engine !== null) return { url: engine.url, token: engine.readerToken, database: store.database };
  const message = `no engine serves ${dataDir}; start leeway serve there, name another directory with --data, or set CLICKHOUSE_URL`;
  throw new LeewayError("store_unreachable", message);
}

/**
 * The facts for a command that only reads and starts nothing. It takes the rights of the reader where there is one; a server
 * without a reader of its own is asked as the writer's user.
 *
 * @throws store_unreachable if nothing serves the data directory. A server is not asked before the first query.
 */
export async function connectReader(service: ServiceConfig): Promise<Facts> {
  const { url, user, password, token, database } = await readerAddress(service);
  return createFacts({
    url,
    database,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
  });
}
