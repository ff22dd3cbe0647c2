/** A part that can be ended and started again in place, for a new configuration. */
export interface Restartable<Part extends AsyncDisposable> extends AsyncDisposable {
  /** Null between an end and the next start. */
  readonly current: () => Part | null;
  readonly restart: () => Promise<void>;
}

export async function createRestartable<Part extends AsyncDisposable>(
  start: () => Promise<Part>,
): Promise<Restartable<Part>> {
  let part: Part | null = await start();
  const end = async () => {
    const last = part;
    part = null;
    await last?.[Symbol.asyncDispose]();
  };
  return {
    current: () => part,
    restart: async () => {
      await end();
      part = await start();
    },
    [Symbol.asyncDispose]: end,
  };
}
