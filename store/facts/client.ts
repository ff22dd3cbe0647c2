import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { ClickHouseError, createClient } from "@clickhouse/client";
import { LeewayError } from "../../core/errors.ts";
import { silentLogger, type Logger } from "../../core/logger.ts";

export type Settings = Readonly<Record<string, string | number>>;

export const insertFileFormats = ["Parquet", "CSVWithNames", "JSONEachRow"] as const;
export type InsertFileFormat = (typeof insertFileFormats)[number];

/** The facts in ClickHouse: a server, or the embedded engine, by the same HTTP interface. */
export interface Facts extends AsyncDisposable {
  readonly database: string;
  /**
   * Rows of a SELECT (without FORMAT), as JSONEachRow: 64-bit integers come as numbers, times as text (select
   * `toUnixTimestamp64Milli(x)`). Parameters are bound by the server: `{name:Type}`.
   *
   * @throws LeewayError `store_unreachable` and `store_busy` (retryable), `store_rejected`.
   */
  readonly query: <Row>(
    sql: string,
    params?: Readonly<Record<string, unknown>>,
    options?: { readonly settings?: Settings; readonly maxMemoryBytes?: number },
  ) => Promise<Row[]>;
  /**
   * The same as one piece in ClickHouse's Native format, for `readBlocks`: many numbers, which JSON would make text of.
   *
   * @throws As `query`.
   */
  readonly queryNative: (
    sql: string,
    params?: Readonly<Record<string, unknown>>,
    settings?: Settings,
  ) => Promise<Uint8Array>;
  /** DDL and `INSERT … SELECT`; for the latter pass `insertSettings(token)`. */
  readonly command: (sql: string, params?: Readonly<Record<string, unknown>>, settings?: Settings) => Promise<void>;
  /** Few rows. A null token says explicitly that this insert is not deduplicated. */
  readonly insertRows: (table: string, rows: readonly object[], token: string | null) => Promise<void>;
  /** One block in ClickHouse's Native format. */
  readonly insertBlock: (insert: {
    readonly table: string;
    readonly columns: readonly string[];
    readonly body: Uint8Array;
    readonly token: string;
  }) => Promise<void>;
  /** Streams a file as the body of `INSERT INTO t (…) SELECT … FROM input('structure')`. */
  readonly insertFile: (insert: {
    readonly statement: string;
    readonly path: string;
    readonly format: InsertFileFormat;
    readonly token: string;
    readonly settings?: Settings;
  }) => Promise<void>;
  readonly ping: () => Promise<void>;
}

/**
 * What every insert says explicitly, because the defaults differ between releases: rows are written before the answer,
 * and a repeated token is the same insert. Null: these rows are new even if an identical block was written before; they
 * get a token of their own, since not every release honours `insert_deduplicate = 0`.
 */
export function insertSettings(token: string | null): Record<string, string | number> {
  return {
    async_insert: 0,
    wait_end_of_query: 1,
    insert_deduplicate: 1,
    insert_deduplication_token: token ?? randomUUID(),
  };
}

/** ClickHouse error codes that pass by themselves: memory, parts, queries, time-outs, keeper, shutting down. */
const busyCodes = new Set(["159", "202", "203", "209", "210", "236", "241", "242", "319", "425", "439", "999"]);
const tooManyParts = "252";
/** ClickHouse's own code for a full disk; the embedded engine says ENOSPC where a body does not fit beside the tables. */
const diskFull = "243";

/** One line of ClickHouse's message. */
function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/^Code: \d+\. DB::Exception: /, "").slice(0, 500);
}

/** ClickHouse quotes the rows that it could not read: they are somebody's data, and no business of a log. */
function withoutRows(error: unknown): unknown {
  if (!(error instanceof ClickHouseError)) return error;
  const message = firstLine(error.message).replaceAll(/'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?/g, "'…'");
  return new ClickHouseError({ message, code: error.code, ...(error.type === undefined ? {} : { type: error.type }) });
}

/** What an error of the client means to a caller. */
export function storeError(error: unknown, where: string): LeewayError {
  if (error instanceof LeewayError) return error;
  const full = error instanceof ClickHouseError ? error.code === diskFull : /\bENOSPC\b/.test(String(error));
  if (full) {
    // It passes when somebody makes room: a message is kept waiting for that, not given up.
    const message = `the disk of ClickHouse at ${where} is full; make room there`;
    return new LeewayError("store_full", message, { cause: error, retryable: true });
  }
  if (error instanceof ClickHouseError) {
    const message = firstLine(error.message);
    // 252 is said of two things: too many parts in the table pass with merges; too many partitions in one block never do.
    const partsPass = error.code === tooManyParts && !/partitions for single INSERT block/i.test(error.message);
    if (busyCodes.has(error.code) || partsPass) {
      return new LeewayError("store_busy", `ClickHouse at ${where} pushed back (${error.code}): ${message}`, {
        cause: error,
        retryable: true,
      });
    }
    const hint = error.code === "516" ? "; check the user and password in CLICKHOUSE_URL" : "";
    return new LeewayError("store_rejected", `ClickHouse at ${where} refused (${error.code}): ${message}${hint}`, {
      cause: error,
    });
  }
  const reason =
    error instanceof Error ? error.message || ((error as NodeJS.ErrnoException).code ?? error.name) : String(error);
  return new LeewayError("store_unreachable", `ClickHouse at ${where} does not answer: ${reason}`, {
    cause: error,
    retryable: true,
  });
}

export interface FactsOptions {
  /** `http://host:8123`; a user and password in it are taken. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** The embedded engine's token, instead of user and password. */
  readonly token?: string;
  readonly database?: string;
  readonly log?: Logger;
}

export function createFacts(options: FactsOptions): Facts {
  const address = new URL(options.url);
  const username = options.user ?? (decodeURIComponent(address.username) || "default");
  const password = options.token ?? options.password ?? decodeURIComponent(address.password);
  const database = options.database ?? (decodeURIComponent(address.pathname.slice(1)) || "default");
  address.username = "";
  address.password = "";
  address.pathname = "";
  const where = address.host;
  const log = options.log ?? silentLogger;
  const client = createClient({
    url: address.href,
    username,
    password,
    database,
    application: "leeway",
    request_timeout: 300_000,
    max_open_connections: 16,
    // Long lists of parameters would not fit into a URL.
    use_multipart_params_auto: true,
    keep_alive: { enabled: true, idle_socket_ttl: 2500 },
    log: { level: 127 },
  });

  const guardedInsert = <Result>(run: () => Promise<Result>): Promise<Result> =>
    guarded(() =>
      run().catch((error: unknown) => {
        throw withoutRows(error);
      }),
    );

  const guarded = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    try {
      return await run();
    } catch (error) {
      const failure = storeError(error, where);
      log.debug({ err: failure, code: failure.code }, "a statement failed");
      throw failure;
    }
  };

  const insertStream = async (query: string, body: Readable, settings: Settings): Promise<void> => {
    const { stream } = await client.exec({ query, values: body, clickhouse_settings: settings });
    stream.resume();
    await new Promise<void>((resolve, reject) => {
      stream.once("end", resolve).once("error", reject);
    });
  };

  return {
    database,
    query: <Row>(
      sql: string,
      params: Readonly<Record<string, unknown>> = {},
      { settings = {}, maxMemoryBytes }: { readonly settings?: Settings; readonly maxMemoryBytes?: number } = {},
    ) =>
      guarded(async () => {
        const limits = maxMemoryBytes === undefined ? {} : { max_memory_usage: String(maxMemoryBytes) };
        const result = await client.query({
          query: sql,
          query_params: params,
          format: "JSONEachRow",
          clickhouse_settings: { output_format_json_quote_64bit_integers: 0, ...limits, ...settings },
        });
        return result.json<Row>();
      }),
    queryNative: (sql, params = {}, settings = {}) =>
      guarded(async () => {
        const { stream } = await client.exec({
          query: `${sql} FORMAT Native`,
          query_params: { ...params },
          // An error must come as one, not behind the first blocks.
          clickhouse_settings: { wait_end_of_query: 1, ...settings },
        });
        const chunks: Buffer[] = [];
        for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
        return Buffer.concat(chunks);
      }),
    command: (sql, params = {}, settings = {}) =>
      guarded(async () => {
        await client.command({ query: sql, query_params: params, clickhouse_settings: { ...settings } });
      }),
    insertRows: (table, rows, token) =>
      guardedInsert(async () => {
        if (rows.length === 0) return;
        await client.insert({
          table,
          values: rows,
          format: "JSONEachRow",
          clickhouse_settings: { ...insertSettings(token), date_time_input_format: "best_effort" },
        });
      }),
    insertBlock: ({ table, columns, body, token }) =>
      guardedInsert(() =>
        insertStream(
          `INSERT INTO ${table} (${columns.join(", ")}) FORMAT Native`,
          Readable.from([body], { objectMode: false }),
          insertSettings(token),
        ),
      ),
    insertFile: ({ statement, path, format, token, settings = {} }) =>
      guardedInsert(() =>
        insertStream(`${statement} FORMAT ${format}`, createReadStream(path), {
          ...insertSettings(token),
          ...settings,
        }),
      ),
    ping: () =>
      guarded(async () => {
        const answer = await client.ping();
        if (!answer.success) throw answer.error;
      }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}
