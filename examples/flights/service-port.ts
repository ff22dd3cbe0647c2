import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { MissingPart } from "./missing-part.ts";

const readyTimeoutMs = 60_000;
const preferredPort = 8686;

/** Ports on loopback: Leeway's own for the service if nobody has it, and any free one for the collector. */
export async function freePorts(): Promise<readonly [service: number, collector: number]> {
  const port = async (wanted: number) => {
    const free = (await listenOnce(wanted)) ?? (await listenOnce(0));
    if (free === null) throw new MissingPart("No free port on 127.0.0.1.");
    return free;
  };
  return [await port(preferredPort), await port(0)];
}

function listenOnce(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : null));
    });
  });
}

/** Waits until a server's `/readyz` says yes. @throws MissingPart if it does not within a minute. */
export async function serviceReady(url: string): Promise<void> {
  const deadlineMs = performance.now() + readyTimeoutMs;
  let last = "no answer";
  while (performance.now() < deadlineMs) {
    try {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) });
      if (answer.ok) return;
      last = await answer.text();
    } catch {
      last = "no answer";
    }
    await delay(100);
  }
  throw new MissingPart(`${url} was not ready after ${readyTimeoutMs / 1000} s (${last}); see the logs in data/demo.`);
}

/** Sum of a counter's series on a `/metrics` page; 0 if nobody answers. */
export async function counterTotal(url: string, name: string): Promise<number> {
  const page = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5000) })
    .then((answer) => answer.text())
    .catch(() => "");
  return page
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
