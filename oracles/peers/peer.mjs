// Splits and combines with the npm package shamir-secret-sharing: a JSON object a line in, one out.
// The argument is the folder that holds node_modules.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.argv[2], "peer.js"));
const { split, combine } = require("shamir-secret-sharing");

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");

async function answer(request) {
  if (request.op === "split") {
    const shares = await split(bytes(request.secret), request.shares, request.threshold);
    return { shares: shares.map(hex) };
  }
  return { secret: hex(await combine(request.shares.map(bytes))) };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
}
