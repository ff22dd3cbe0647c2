import { once } from "node:events";
import { createServer } from "node:net";
import { fail, ok, type Check } from "../check.ts";

export const portCheck: Check = {
  name: "port",
  title: "HTTP port",
  run: async ({ config: { service } }) => {
    const { host, port } = service.http;
    if (port === 0) return [ok("any free port is taken")];
    const subject = `${host}:${port}`;
    const trouble = await listenTrouble(host, port);
    if (trouble === null) return [ok("free; nothing serves here now", subject)];
    const remedy = "choose another port with http.listen or --port, or end what has this one";
    if (trouble !== "EADDRINUSE") return [fail(`cannot be listened on (${trouble})`, remedy, subject)];
    return [
      (await isLeeway(host, port))
        ? ok("a running Leeway answers", subject)
        : fail("taken by another program", remedy, subject),
    ];
  },
};

async function listenTrouble(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    server.close();
  }
}

async function isLeeway(host: string, port: number): Promise<boolean> {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  try {
    const response = await fetch(`http://${name}:${port}/healthz`, { signal: AbortSignal.timeout(3000) });
    return response.ok && ((await response.json()) as { status?: string }).status === "ok";
  } catch {
    return false;
  }
}
