import { readFile } from "node:fs/promises";
import { failureCode } from "./failure-code.ts";

export type Secret =
  | { readonly kind: "secret"; readonly text: string }
  | { readonly kind: "retryable"; readonly error: string };

/**
 * A secret that stands in the configuration or in a file, which is read anew for each delivery, so that a rotated one
 * holds at once. A file that cannot be read may come back.
 *
 * @param name The option's name without `_file`, for the error.
 */
export async function readSecret(name: string, value: string | undefined, file: string | undefined): Promise<Secret> {
  if (value !== undefined) return { kind: "secret", text: value.trim() };
  try {
    return { kind: "secret", text: (await readFile(file ?? "", "utf8")).trim() };
  } catch (error) {
    return { kind: "retryable", error: `${name}_file could not be read (${failureCode(error)})` };
  }
}
