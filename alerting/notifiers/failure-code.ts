import { getSystemErrorName } from "node:util";

/** The system's code alone (ECONNRESET, ENOTFOUND …): messages hold addresses, and answers may hold secrets. */
export function failureCode(error: unknown): string {
  let current = error;
  // Codes of libraries (`slack_…`, `ESOCKET`) say less than the system's below them.
  let code = "unknown";
  for (let depth = 0; current instanceof Error && depth < 8; depth += 1) {
    const { errno } = current as NodeJS.ErrnoException;
    if (typeof errno === "number" && errno < 0) return getSystemErrorName(errno);
    const own = (current as NodeJS.ErrnoException).code;
    if (typeof own === "string" && /^[A-Z][A-Z0-9_]{2,40}$/.test(own)) code = own;
    current = current.cause;
  }
  return code;
}
