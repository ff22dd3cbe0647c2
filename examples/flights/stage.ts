import path from "node:path";
import { MissingPart } from "./missing-part.ts";
import { startProgram } from "./processes.ts";
import type { Program } from "./processes.ts";

/** Somebody asked the demo to end. */
class Interrupted extends Error {}

export type ProgramOptions = Omit<Parameters<typeof startProgram>[0], "logPath">;

/** The programs of a run. Disposed from the last to the first: who writes ends before what it writes to. */
export interface Stage extends AsyncDisposable {
  readonly start: (options: ProgramOptions) => Program;
  /** Ends a program by SIGKILL, on purpose. */
  readonly kill: (program: Program) => Promise<void>;
  /**
   * The work's result, unless an interrupt or the end of a program cuts it short.
   *
   * @throws Error if the run is interrupted, or MissingPart that names the program which ended and its last words.
   */
  readonly unlessCut: <T>(work: Promise<T>) => Promise<T>;
}

/** @param options.interrupted Settles when the run is to end. @param options.folder Where each program's log goes. */
export function createStage(options: { readonly folder: string; readonly interrupted: Promise<unknown> }): Stage {
  const programs = new AsyncDisposableStack();
  const cut = Promise.withResolvers<never>();
  // It is only looked at while something is waited for.
  cut.promise.catch(() => undefined);
  const meantToEnd = new Set<Program>();
  void options.interrupted.then(() => cut.reject(new Interrupted()));
  return {
    start(program) {
      const logPath = path.join(options.folder, `${program.name}.log`);
      const started = programs.use(startProgram({ ...program, logPath }));
      programs.defer(() => void meantToEnd.add(started));
      void started.ended.then(({ code, signal, lastWords }) => {
        if (meantToEnd.has(started) || code === 0) return;
        const how = signal ?? `exit code ${code}`;
        // Programs end with one line that says why; what stands before it is their log.
        const why = lastWords.split("\n").at(-1) ?? "";
        cut.reject(
          new MissingPart(`${started.name} ended (${how})${why === "" ? "" : `: ${why}`}; its log is ${logPath}`),
        );
      });
      return started;
    },
    async kill(program) {
      meantToEnd.add(program);
      await program.kill();
    },
    unlessCut: (work) => Promise.race([work, cut.promise]),
    [Symbol.asyncDispose]: () => programs.disposeAsync(),
  };
}
