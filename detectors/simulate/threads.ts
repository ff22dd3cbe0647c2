import { availableParallelism } from "node:os";
import { parentPort, Worker, workerData } from "node:worker_threads";
import type { SimulatedMonitoring } from "./outcome.ts";
import { runPeer } from "./peers.ts";
import { runScenario, type Run } from "./run.ts";
import { modelScenarios, type ConfiguredModel } from "./model-scenarios.ts";
import { scenarioNamed } from "./scenarios.ts";

/** A stretch of one scenario's models. */
interface Stretch {
  readonly scenario: string;
  readonly from: number;
  readonly to: number;
  readonly seed: number;
  readonly monitoring: SimulatedMonitoring;
  /** The model whose scenario it is; null: one of the general ones. */
  readonly model: ConfiguredModel | null;
  /** Another tool's rule instead of Leeway's decisions; null: Leeway's. */
  readonly peer: string | null;
}

const stretchLength = 10;
/** This file is also what the threads run; a thread of somebody else's that imports it must not answer. */
const role = "leeway simulation";

/** Runs models on other threads, and gives their results in the order of their numbers. */
export interface SimulationThreads extends AsyncDisposable {
  /** Runs models 0 … `models` − 1. @param progress Told how many more are done. */
  run(
    scenario: string,
    models: number,
    options: Pick<Stretch, "seed" | "monitoring" | "model" | "peer"> & { readonly progress: (done: number) => void },
  ): Promise<readonly Run[]>;
}

/** @param count Threads; null for one a core. */
export function createSimulationThreads(count: number | null): SimulationThreads {
  const idle = Array.from(
    { length: count ?? availableParallelism() },
    () => new Worker(new URL(import.meta.url), { workerData: role }),
  );
  const all = [...idle];
  const waiting: ((worker: Worker) => void)[] = [];

  async function take(): Promise<Worker> {
    return idle.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
  }

  async function runStretch(stretch: Stretch): Promise<readonly Run[]> {
    const worker = await take();
    try {
      return await new Promise<readonly Run[]>((resolve, reject) => {
        worker.once("error", reject);
        worker.once("message", (runs: readonly Run[]) => {
          worker.off("error", reject);
          resolve(runs);
        });
        worker.postMessage(stretch);
      });
    } finally {
      const next = waiting.shift();
      if (next === undefined) idle.push(worker);
      else next(worker);
    }
  }

  return {
    run: async (scenario, models, { progress, ...how }) => {
      const stretches = Array.from({ length: Math.ceil(models / stretchLength) }, async (_, index) => {
        const from = index * stretchLength;
        const to = Math.min(models, from + stretchLength);
        const runs = await runStretch({ scenario, from, to, ...how });
        progress(to - from);
        return runs;
      });
      return (await Promise.all(stretches)).flat();
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

if (workerData === role) {
  parentPort?.on("message", ({ scenario, from, to, seed, monitoring, model, peer }: Stretch) => {
    const found = scenarioNamed(scenario, model === null ? undefined : modelScenarios(model));
    parentPort?.postMessage(
      Array.from({ length: to - from }, (_, index) =>
        peer === null
          ? runScenario(found, from + index, { seed, monitoring })
          : runPeer(peer, found, from + index, seed),
      ),
    );
  });
}
