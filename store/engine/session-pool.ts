import { createRequire } from "node:module";
import { quoteString } from "./insert-statement.ts";

/** The part of chdb that is used; the package is optional, so it is loaded when an engine starts. */
interface ChdbSession {
  queryAsync(sql: string, options?: { format?: string }): Promise<ChdbResult>;
  close(): void;
}

interface ChdbResult {
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  bytes(): Uint8Array;
}

export interface Statement {
  readonly sql: string;
  readonly database: string;
  /** Values as ClickHouse's HTTP interface takes them: text in its escaped form. */
  readonly params: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  /** For statements that name none themselves. */
  readonly format: string;
}

export interface StatementResult {
  readonly body: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

/** Each lane has sessions of its own, so that a long query holds up neither inserts nor readers. */
export type Lane = "insert" | "query" | "reader";

export interface SessionPool {
  readonly run: (lane: Lane, statement: Statement) => Promise<StatementResult>;
  /** Resolves when what is running has ended; nothing new is taken. */
  readonly close: () => Promise<void>;
}

interface Seat {
  readonly session: ChdbSession;
  database: string;
}

const seatsPerLane: Readonly<Record<Lane, number>> = { insert: 2, query: 3, reader: 2 };

/** Limits of the reader's sessions: an analyst's mistake must not take the memory that inserts need. */
const readerLimits =
  "SET max_memory_usage = 1000000000, max_execution_time = 60, max_result_bytes = 256000000, max_threads = 2, output_format_json_quote_64bit_integers = 0";

const settingName = /^[a-z][a-z0-9_]*$/;

/** @param path The engine's data directory. @param connectionArgs `clickhouse local` arguments, e.g. `--config-file=…`. */
export async function createSessionPool(path: string, connectionArgs: readonly string[]): Promise<SessionPool> {
  const { Session } = createRequire(import.meta.url)("chdb") as {
    Session: new (path: string, options: { connectionArgs: readonly string[] }) => ChdbSession;
  };
  const free: Record<Lane, Seat[]> = { insert: [], query: [], reader: [] };
  const waiting: Record<Lane, ((seat: Seat) => void)[]> = { insert: [], query: [], reader: [] };
  const sessions: ChdbSession[] = [];
  let busy = 0;
  let closing: (() => void) | null = null;

  for (const lane of ["insert", "query", "reader"] as const) {
    for (let index = 0; index < seatsPerLane[lane]; index += 1) {
      const session = new Session(path, { connectionArgs });
      sessions.push(session);
      if (lane === "reader") {
        await session.queryAsync(readerLimits);
        await session.queryAsync("SET readonly = 1");
      }
      free[lane].push({ session, database: "default" });
    }
  }

  const take = (lane: Lane): Promise<Seat> => {
    if (closing !== null)
      return Promise.reject(new Error("Code: 236. DB::Exception: the engine is shutting down. (ABORTED)"));
    const seat = free[lane].pop();
    return seat === undefined ? new Promise((resolve) => waiting[lane].push(resolve)) : Promise.resolve(seat);
  };
  const giveBack = (lane: Lane, seat: Seat) => {
    const next = waiting[lane].shift();
    if (next === undefined) free[lane].push(seat);
    else next(seat);
  };

  const runOn = async (seat: Seat, lane: Lane, statement: Statement): Promise<StatementResult> => {
    const { session } = seat;
    if (seat.database !== statement.database) {
      await session.queryAsync(`USE \`${statement.database.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``);
      seat.database = statement.database;
    }
    const params = Object.entries(statement.params);
    if (params.length > 0) {
      await session.queryAsync(
        `SET ${params.map(([name, value]) => `param_${name} = ${quoteString(value)}`).join(", ")}`,
      );
    }
    // A readonly session takes no settings; its own are fixed above.
    const settings = lane === "reader" ? [] : Object.entries(statement.settings);
    for (const [name] of settings) {
      if (!settingName.test(name))
        throw new Error(`Code: 115. DB::Exception: Unknown setting '${name}'. (UNKNOWN_SETTING)`);
    }
    if (settings.length > 0) {
      await session.queryAsync(`SET ${settings.map(([name, value]) => `${name} = ${quoteString(value)}`).join(", ")}`);
    }
    try {
      const result = await session.queryAsync(statement.sql, { format: statement.format });
      return { body: result.bytes(), rowsRead: result.rowsRead, bytesRead: result.bytesRead };
    } finally {
      if (settings.length > 0)
        await session.queryAsync(`SET ${settings.map(([name]) => `${name} = DEFAULT`).join(", ")}`);
    }
  };

  return {
    run: async (lane, statement) => {
      const seat = await take(lane);
      busy += 1;
      try {
        return await runOn(seat, lane, statement);
      } finally {
        busy -= 1;
        giveBack(lane, seat);
        if (busy === 0) closing?.();
      }
    },
    close: async () => {
      const idle = Promise.withResolvers<void>();
      closing = idle.resolve;
      if (busy > 0) await idle.promise;
      for (const session of sessions) session.close();
    },
  };
}
