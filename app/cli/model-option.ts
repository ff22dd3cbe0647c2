import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { nearestName } from "../config/fault.ts";

/**
 * The model that `--model` names; without it the only one.
 * @throws usage if the configuration has no such model, or several to choose from.
 */
export function modelNamed(name: string | undefined, models: readonly ModelSpec[], command: string): ModelSpec {
  const usage = (message: string) => new LeewayError("usage", `${command}: ${message}; see leeway help ${command}`);
  const names = models.map((model) => model.name);
  if (name === undefined) {
    const [only, ...others] = models;
    if (only !== undefined && others.length === 0) return only;
    throw usage(
      only === undefined
        ? "the configuration declares no model"
        : `which model? Name one of ${names.join(", ")} with --model`,
    );
  }
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const nearest = nearestName(name, names);
  const remedy = nearest === null ? `it declares ${names.join(", ") || "none"}` : `did you mean ${nearest}?`;
  throw usage(`--model: the configuration declares no model ${JSON.stringify(name)}; ${remedy}`);
}
