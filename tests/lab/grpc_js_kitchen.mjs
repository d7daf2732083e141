// kitchen.v1.Echo and kitchen.v1.Script for a @grpc/grpc-js server: tests/lab/kitchen_sink/protos says what they do; and
// larder.v1.Larder, an echo. grpc-js does not compress answers, so a plan's compression is not followed.

const same = (bytes) => bytes;

export function addKitchen(server, grpc, definition) {
  for (const service of [definition["kitchen.v1.Echo"], definition["larder.v1.Larder"]]) {
    server.addService(echoing(service), echoes(service));
  }
  server.addService(definition["kitchen.v1.Script"], scripts(grpc, definition["kitchen.v1.Failure"]));
}

// Whatever came goes back, so the bytes are not even read.
function echoing(service) {
  const raw = (method) => ({ ...method, requestDeserialize: same, responseSerialize: same });
  return Object.fromEntries(Object.entries(service).map(([name, method]) => [name, raw(method)]));
}

function echoes(service) {
  const unary = (call, reply) => reply(null, call.request);
  const stream = (call) => call.on("data", (message) => call.write(message)).on("end", () => call.end());
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [name, method.requestStream ? stream : unary]),
  );
}

function scripts(grpc, failureType) {
  const pairs = (headers) => {
    const made = new grpc.Metadata();
    for (const { name, text, binary } of headers) made.add(name, name.endsWith("-bin") ? binary : text);
    return made;
  };
  const begin = async (call, plan) => {
    await new Promise((resume) => setTimeout(resume, 1000 * plan.seconds));
    if (plan.headers.length) call.sendMetadata(pairs(plan.headers));
  };
  // The status that a plan asks for, with its trailers; null where that is OK.
  const failure = (plan) => {
    if (!plan.failure?.code) return null;
    const metadata = pairs(plan.trailers);
    const { code, message, details } = plan.failure;
    // A Failure has the numbers and types of a google.rpc.Status.
    if (details.length) metadata.set("grpc-status-details-bin", failureType.serialize({ code, message, details }));
    return { code, details: message, metadata };
  };
  const answers = (plan) => {
    const notes = Array.from({ length: plan.repeat || 1 }, () => plan.notes).flat();
    return plan.characters ? [...notes, { text: "x".repeat(plan.characters) }] : notes;
  };

  // One plan after the other, however many come while the first still waits.
  const follow = (call) => {
    let last = Promise.resolve();
    let begun = false;
    let over = false;
    let trailers;
    const next = async (plan) => {
      if (over) return;
      if (!begun) await begin(call, plan);
      begun = true;
      for (const note of answers(plan)) call.write(note);
      trailers = pairs(plan.trailers);
      const error = failure(plan);
      over = error !== null;
      if (over) call.emit("error", error);
    };
    return {
      add: (plan) => (last = last.then(() => next(plan))),
      end: () => last.then(() => over || call.end(trailers)),
    };
  };

  return {
    async Unary(call, reply) {
      const plan = call.request;
      await begin(call, plan);
      const error = failure(plan);
      if (error) reply(error);
      else reply(null, answers(plan)[0] ?? {}, pairs(plan.trailers));
    },
    ServerStream(call) {
      const following = follow(call);
      following.add(call.request);
      following.end();
    },
    ClientStream(call, reply) {
      const plans = [];
      call.on("data", (plan) => plans.push(plan));
      call.on("end", async () => {
        const last = plans.at(-1);
        if (last) await begin(call, last);
        const error = last && failure(last);
        if (error) return reply(error);
        const text = plans.flatMap((plan) => plan.notes.map((note) => note.text)).join(", ");
        reply(null, { text, number: plans.length }, last && pairs(last.trailers));
      });
    },
    BidiStream(call) {
      const following = follow(call);
      call.on("data", following.add).on("end", following.end);
    },
    // The metadata whose names start with x-, by name.
    Metadata(call, reply) {
      const names = Object.keys(call.metadata.getMap()).filter((name) => name.startsWith("x-"));
      const told = (name, value) => (name.endsWith("-bin") ? { name, binary: value } : { name, text: value });
      reply(null, { headers: names.sort().flatMap((name) => call.metadata.get(name).map((value) => told(name, value))) });
    },
  };
}
