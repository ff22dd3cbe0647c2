import { chiSquare } from "./chi-square.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import { ks } from "./ks.ts";
import { psi } from "./psi.ts";
import { totalVariation } from "./total-variation.ts";

/** Every method there is: one file and one line each. Help, documentation and the conformance tests derive from it. */
export const methods = [psi, ks, chiSquare, totalVariation, jensenShannon] as const;

export type MethodName = (typeof methods)[number]["name"];
