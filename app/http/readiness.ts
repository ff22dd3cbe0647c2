/** What one part of the process says of itself. */
export type PartState =
  | { readonly state: "ready" }
  | { readonly state: "starting" | "failing" | "stopping"; readonly detail: string };

export interface Readiness {
  /** Names a part; it is starting until it says otherwise. A second call with the name replaces what it said. */
  readonly set: (part: string, state: PartState) => void;
  /** A part that is asked whenever someone wants to know, such as the store. A check that throws is failing. */
  readonly check: (part: string, check: () => Promise<void>) => void;
  /** Every part by name. */
  readonly report: () => Promise<{ readonly ready: boolean; readonly parts: Readonly<Record<string, PartState>> }>;
}

const checkTimeoutMs = 3_000;

export function createReadiness(): Readiness {
  const states = new Map<string, PartState>();
  const checks = new Map<string, () => Promise<void>>();
  return {
    set: (part, state) => void states.set(part, state),
    check: (part, check) => void checks.set(part, check),
    report: async () => {
      const checked = await Promise.all(
        [...checks].map(async ([part, check]): Promise<[string, PartState]> => [part, await outcome(check)]),
      );
      const parts = Object.fromEntries([...states, ...checked]);
      return { ready: Object.values(parts).every((part) => part.state === "ready"), parts };
    },
  };
}

async function outcome(check: () => Promise<void>): Promise<PartState> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkTimeoutMs / 1000} s`)), checkTimeoutMs);
  });
  try {
    await Promise.race([check(), timeout]);
    return { state: "ready" };
  } catch (error) {
    return { state: "failing", detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
