import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LeewayError } from "../../core/errors.ts";
import { startEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import { ensureDatabase } from "../../store/facts/database.ts";
import { migrate } from "../../store/migrations/migrate.ts";

/** A store of the backtest's own, gone when it ends: nothing that is decided here reaches a running service. */
export interface ScratchStore extends AsyncDisposable {
  /** An empty store, with its tables, and a directory of its own. */
  readonly open: (name: string) => Promise<{ readonly facts: Facts; readonly directory: string }>;
}

/** @throws LeewayError `engine_missing`. */
export async function createScratchStore(): Promise<ScratchStore> {
  await using resources = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "leeway-backtest-"));
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  const engine = resources.use(await startScratchEngine(join(directory, "engine")));
  const held = resources.move();
  return {
    open: async (name) => {
      await using admin = createFacts({ url: engine.url, token: engine.token });
      await ensureDatabase(admin, name);
      const facts = held.use(createFacts({ url: engine.url, token: engine.token, database: name }));
      await migrate(facts);
      const own = join(directory, name);
      await mkdir(own);
      return { facts, directory: own };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function startScratchEngine(dataDir: string) {
  try {
    return await startEngine({ dataDir });
  } catch (error) {
    if (!(error instanceof LeewayError) || error.code !== "engine_missing") throw error;
    const message = "backtest works with the embedded engine, which is not installed: run `npm install chdb`";
    throw new LeewayError("engine_missing", message, { cause: error });
  }
}
