import * as z from "zod";
import type { Labels } from "../incidents/labels.ts";

/** A node of the routing tree, in Alertmanager's shape: equality matchers, `continue`, children before the node itself. */
export interface Route {
  /** Inherited from the parent if left out; the root must name one. */
  readonly receiver?: string | undefined;
  /** Kept for the router to come: one notification is about one incident, hence one model and environment. */
  readonly group_by?: readonly string[] | undefined;
  readonly match?: Readonly<Record<string, string>> | undefined;
  readonly continue?: boolean | undefined;
  readonly routes?: readonly Route[] | undefined;
}

const childRouteSchema: z.ZodType<Route> = z.lazy(() =>
  z.strictObject({
    receiver: z.string().min(1).optional(),
    group_by: z.array(z.string()).optional(),
    match: z.record(z.string(), z.string()).optional(),
    continue: z.boolean().optional(),
    routes: z.array(childRouteSchema).optional(),
  }),
);

/** The root: it matches everything, so that no notification is without a receiver. */
export const routeSchema = z.strictObject({
  receiver: z.string().min(1),
  group_by: z.array(z.string()).optional(),
  routes: z.array(childRouteSchema).optional(),
});

/**
 * Receivers of a notification, by Alertmanager's rules: the children are tried in order, the first that matches takes it
 * (and those after it too while `continue` is set); if none does, the node's own receiver.
 *
 * @param labels Those of the incident, `severity` included. A label that is absent equals the empty text.
 */
export function routeReceivers(route: Route, labels: Labels): readonly string[] {
  return [...new Set(receiversBelow(route, labels, ""))];
}

function receiversBelow(route: Route, labels: Labels, inherited: string): readonly string[] {
  const receiver = route.receiver ?? inherited;
  const found: string[] = [];
  for (const child of route.routes ?? []) {
    const matches = Object.entries(child.match ?? {}).every(([name, value]) => (labels[name] ?? "") === value);
    if (!matches) continue;
    found.push(...receiversBelow(child, labels, receiver));
    if (child.continue !== true) break;
  }
  return found.length > 0 ? found : [receiver];
}

/** Receivers that the tree names but nobody defined. */
export function undefinedReceivers(route: Route, defined: readonly string[]): readonly string[] {
  const named = (node: Route): readonly string[] => [
    ...(node.receiver === undefined ? [] : [node.receiver]),
    ...(node.routes ?? []).flatMap(named),
  ];
  return [...new Set(named(route))].filter((name) => !defined.includes(name));
}
