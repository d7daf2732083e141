// A real @grpc/grpc-js server: lab.Greeter, the kitchen, health and reflection (v1 and v1alpha). One JSON argument; prints
// its port.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { addKitchen } from "./grpc_js_kitchen.mjs";

const options = JSON.parse(process.argv[2]);
const require = createRequire(options.home + "/package.json");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const { ReflectionService } = require("@grpc/reflection");
const { HealthImplementation } = require("grpc-health-check");

const definition = loader.loadFileDescriptorSetFromBuffer(Buffer.from(options.descriptors, "base64"), {});
const greet = (name) => ({ message: `Hello, ${name || "world"}!` });
const server = new grpc.Server();
server.addService(grpc.loadPackageDefinition(definition).lab.Greeter.service, {
  SayHello: (call, reply) => reply(null, greet(call.request.name)),
  Slow: (call, reply) => setTimeout(() => reply(null, greet("patience")), (call.request.seconds || 5) * 1000),
  Fail: (call, reply) => reply({ code: call.request.code || 13, details: call.request.message || "as you asked" }),
  Count: (call) => {
    for (let number = 1; number <= (call.request.limit || 3); number++) call.write({ number });
    call.end();
  },
});
let kitchen = {};
if (options.kitchen.length) {
  kitchen = loader.loadSync(options.kitchen, { keepCase: true, defaults: true });
  addKitchen(server, grpc, kitchen);
}
if (options.health) {
  new HealthImplementation({ "": options.status, "lab.Greeter": options.status }).addToServer(server);
}
if (options.reflection) {
  new ReflectionService({ ...definition, ...kitchen }).addToServer(server);
}
const credentials = options.tls
  ? grpc.ServerCredentials.createSsl(null, [
      { cert_chain: readFileSync(options.cert), private_key: readFileSync(options.key) },
    ])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  console.log(JSON.stringify(port));
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
