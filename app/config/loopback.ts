import { isIP } from "node:net";

/** Whether only this machine can reach the address. A name counts as loopback only if it is `localhost`. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  if (version === 4) return host.startsWith("127.");
  return version === 6 && (/^(0*:)*:?0*1$/.test(host) || /^::ffff:127\./i.test(host));
}
