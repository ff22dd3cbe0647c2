/** A part that can be ended and started again in place, for a new configuration. */
export interface Restartable<Part extends AsyncDisposable> extends AsyncDisposable {
  readonly current: () => Part;
  readonly restart: () => Promise<void>;
}

/** Starts the part. Between its end and the next start `current` is still the one that ended. */
export async function createRestartable<Part extends AsyncDisposable>(
  start: () => Promise<Part>,
): Promise<Restartable<Part>> {
  let part = await start();
  let ended = false;
  return {
    current: () => part,
    restart: async () => {
      if (!ended) await part[Symbol.asyncDispose]();
      ended = true;
      part = await start();
      ended = false;
    },
    [Symbol.asyncDispose]: async () => {
      if (!ended) await part[Symbol.asyncDispose]();
    },
  };
}
