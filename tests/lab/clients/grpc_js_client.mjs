// A real @grpc/grpc-js client: makes each call of the JSON list on standard input, and prints what it says as JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/package.json");
const grpc = require("@grpc/grpc-js");
const bytes = (value) => value;

function make(call) {
  const credentials = call.tls
    ? grpc.credentials.createSsl(readFileSync(call.ca))
    : grpc.credentials.createInsecure();
  const options = call.authority ? { "grpc.default_authority": call.authority, "grpc.ssl_target_name_override": call.authority } : {};
  const client = new grpc.Client(call.address, credentials, options);
  const deadline = Date.now() + call.seconds * 1000;
  return new Promise((resolve) => {
    client.makeUnaryRequest(call.method, bytes, bytes, Buffer.alloc(0), new grpc.Metadata(), { deadline }, (error) => {
      client.close();
      resolve([call.name, error ? error.stack : ""]);
    });
  });
}

const calls = JSON.parse(readFileSync(0, "utf-8"));
const said = JSON.stringify(Object.fromEntries(await Promise.all(calls.map(make))));
process.stdout.write(said, () => process.exit(0)); // a pipe takes 64 KiB at a time, and exit does not wait for it
