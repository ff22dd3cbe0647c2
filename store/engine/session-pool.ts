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
  readonly elapsedSeconds: number;
}

/** Each lane has sessions of its own, so that a long query holds up neither inserts nor readers. */
export type Lane = "insert" | "query" | "reader";

export interface SessionPool {
  readonly run: (lane: Lane, statement: Statement) => Promise<StatementResult>;
  /** Resolves when what is running has ended; nothing new is taken. */
  readonly close: () => Promise<void>;
}

/** What a session was told: it stays until it is told otherwise. */
interface Seat {
  readonly session: ChdbSession;
  database: string;
  settings: Readonly<Record<string, string>>;
  readonly params: Set<string>;
}

const seatsPerLane: Readonly<Record<Lane, number>> = { insert: 3, query: 4, reader: 2 };

/** Parameters cannot be unset; a session that has seen more names than this is replaced. */
const maxParamNames = 200;

const threads = "2";

/** Parameters are part of a SET here, and they may be long lists. */
const maxQuerySize = "67108864";

/** `max_threads` small: the engine shares its machine with those it serves. */
const writerSettings: Readonly<Record<string, string>> = {
  max_threads: threads,
  max_insert_threads: "1",
  max_query_size: maxQuerySize,
  output_format_json_quote_64bit_integers: "0",
};

/** Limits of the reader's sessions: an analyst's mistake must not take the memory that inserts need. */
export const readerSettings: Readonly<Record<string, string>> = {
  max_threads: threads,
  max_query_size: maxQuerySize,
  max_memory_usage: "1000000000",
  max_execution_time: "60",
  timeout_overflow_mode: "throw",
  max_result_bytes: "256000000",
  result_overflow_mode: "throw",
  allow_introspection_functions: "0",
  output_format_json_quote_64bit_integers: "0",
};

const settingName = /^[a-z][a-z0-9_]*$/;

const assignments = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).map(([name, value]) => `${name} = ${quoteString(value)}`);

/** @param path The engine's data directory. @param connectionArgs `clickhouse local` arguments, e.g. `--config-file=…`. */
export async function createSessionPool(path: string, connectionArgs: readonly string[]): Promise<SessionPool> {
  const { Session } = createRequire(import.meta.url)("chdb") as {
    Session: new (path: string, options: { connectionArgs: readonly string[] }) => ChdbSession;
  };
  const free: Record<Lane, Seat[]> = { insert: [], query: [], reader: [] };
  const running: Record<Lane, number> = { insert: 0, query: 0, reader: 0 };
  const waiting: Record<Lane, (() => void)[]> = { insert: [], query: [], reader: [] };
  let closing: (() => void) | null = null;

  const tell = async (seat: Seat, sql: string) => {
    await seat.session.queryAsync(sql, { format: "Null" });
  };

  const openSeat = async (lane: Lane): Promise<Seat> => {
    const session = new Session(path, { connectionArgs });
    const seat: Seat = { session, database: "", settings: {}, params: new Set() };
    // readonly comes last: after it nothing can be set.
    const base = lane === "reader" ? [...assignments(readerSettings), "readonly = 1"] : assignments(writerSettings);
    await tell(seat, `SET ${base.join(", ")}`);
    return seat;
  };

  // The first one loads the data directory, or fails because another process has it.
  free.query.push(await openSeat("query"));

  const enter = (lane: Lane): Promise<void> | void => {
    if (closing !== null) throw new Error("Code: 236. DB::Exception: the engine is shutting down. (ABORTED)");
    if (running[lane] >= seatsPerLane[lane]) return new Promise((resolve) => waiting[lane].push(resolve));
    running[lane] += 1;
  };
  const leave = (lane: Lane) => {
    // The place goes to the next in line, or becomes free.
    const next = waiting[lane].shift();
    if (next === undefined) running[lane] -= 1;
    else next();
    if (running.insert + running.query + running.reader === 0) closing?.();
  };

  /** A parameter of an earlier statement would fill in for one that this statement forgot to bring. */
  const remembersTooMuch = (seat: Seat, { sql, params }: Statement) =>
    seat.params.size > maxParamNames ||
    [...seat.params].some((name) => !(name in params) && new RegExp(`\\{\\s*${name}\\s*:`).test(sql));

  const prepare = async (seat: Seat, statement: Statement): Promise<void> => {
    const { database, params, settings } = statement;
    if (seat.database !== database) {
      await tell(seat, `USE \`${database.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``);
      seat.database = database;
    }
    const changes: string[] = [];
    for (const name of Object.keys(seat.settings)) {
      const base = writerSettings[name];
      if (!(name in settings)) changes.push(`${name} = ${base === undefined ? "DEFAULT" : quoteString(base)}`);
    }
    const changed = Object.entries(settings).filter(([name, value]) => seat.settings[name] !== value);
    changes.push(...assignments(Object.fromEntries(changed)));
    for (const [name, value] of Object.entries(params)) {
      changes.push(`param_${name} = ${quoteString(value)}`);
      seat.params.add(name);
    }
    if (changes.length > 0) await tell(seat, `SET ${changes.join(", ")}`);
    seat.settings = settings;
  };

  const runOn = async (lane: Lane, statement: Statement): Promise<StatementResult> => {
    let seat = free[lane].pop() ?? (await openSeat(lane));
    try {
      if (remembersTooMuch(seat, statement)) {
        seat.session.close();
        seat = await openSeat(lane);
      }
      await prepare(seat, statement);
    } catch (error) {
      // Which of its settings took hold is not known.
      seat.session.close();
      throw error;
    }
    try {
      const result = await seat.session.queryAsync(statement.sql, { format: statement.format });
      return {
        body: result.bytes(),
        rowsRead: result.rowsRead,
        bytesRead: result.bytesRead,
        elapsedSeconds: result.elapsed,
      };
    } finally {
      free[lane].push(seat);
    }
  };

  return {
    run: async (lane, statement) => {
      for (const name of Object.keys(statement.settings)) {
        if (!settingName.test(name)) {
          throw new Error(`Code: 115. DB::Exception: Unknown setting '${name}'. (UNKNOWN_SETTING)`);
        }
        // As in ClickHouse: a readonly session takes no settings but those it has.
        if (lane === "reader" && readerSettings[name] !== statement.settings[name]) {
          throw new Error(`Code: 164. DB::Exception: Cannot modify '${name}' setting in readonly mode. (READONLY)`);
        }
      }
      await enter(lane);
      try {
        return await runOn(lane, lane === "reader" ? { ...statement, settings: {} } : statement);
      } finally {
        leave(lane);
      }
    },
    close: async () => {
      const idle = Promise.withResolvers<void>();
      closing = idle.resolve;
      if (running.insert + running.query + running.reader > 0) await idle.promise;
      for (const seat of [...free.insert, ...free.query, ...free.reader]) seat.session.close();
    },
  };
}
