package lab;

import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** kitchen.v1.Echo and kitchen.v1.Script of a FileDescriptorSet: tests/lab/kitchen_sink/protos says what they do. */
final class Kitchen {
  private static final List<String> SERVICES = List.of("kitchen.v1.Echo", "kitchen.v1.Script");

  /** What reflection asks of a service to find its file. */
  private record Schema(ServiceDescriptor service, MethodDescriptor method) implements ProtoMethodDescriptorSupplier {
    @Override
    public FileDescriptor getFileDescriptor() {
      return service.getFile();
    }

    @Override
    public ServiceDescriptor getServiceDescriptor() {
      return service;
    }

    @Override
    public MethodDescriptor getMethodDescriptor() {
      return method;
    }
  }

  static List<ServerServiceDefinition> services(String path) throws Exception {
    Map<String, FileDescriptor> files = new HashMap<>();
    for (FileDescriptorProto proto : FileDescriptorSet.parseFrom(Files.readAllBytes(Path.of(path))).getFileList()) {
      var imports = proto.getDependencyList().stream().map(files::get).toArray(FileDescriptor[]::new);
      files.put(proto.getName(), FileDescriptor.buildFrom(proto, imports));
    }
    return files.values().stream()
        .flatMap(file -> file.getServices().stream())
        .filter(service -> SERVICES.contains(service.getFullName()))
        .map(Kitchen::definition)
        .toList();
  }

  private static ServerServiceDefinition definition(ServiceDescriptor service) {
    Map<MethodDescriptor, io.grpc.MethodDescriptor<DynamicMessage, DynamicMessage>> methods = new HashMap<>();
    var described =
        io.grpc.ServiceDescriptor.newBuilder(service.getFullName()).setSchemaDescriptor(new Schema(service, null));
    for (MethodDescriptor method : service.getMethods()) {
      var built = method(method);
      methods.put(method, built);
      described.addMethod(built);
    }
    var definition = ServerServiceDefinition.builder(described.build());
    methods.forEach((method, built) -> definition.addMethod(built, handler(method)));
    return definition.build();
  }

  private static io.grpc.MethodDescriptor<DynamicMessage, DynamicMessage> method(MethodDescriptor described) {
    var type = described.isClientStreaming()
        ? described.isServerStreaming() ? io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING
            : io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING
        : described.isServerStreaming() ? io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING
            : io.grpc.MethodDescriptor.MethodType.UNARY;
    return io.grpc.MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
        .setType(type)
        .setFullMethodName(described.getService().getFullName() + "/" + described.getName())
        .setRequestMarshaller(ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(described.getInputType())))
        .setResponseMarshaller(ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(described.getOutputType())))
        .setSchemaDescriptor(new Schema(described.getService(), described))
        .build();
  }

  private static ServerCallHandler<DynamicMessage, DynamicMessage> handler(MethodDescriptor method) {
    boolean scripted = method.getService().getName().equals("Script");
    return (call, given) -> {
      call.request(1);
      if (scripted && method.getInputType().getName().equals("Plan")) {
        return new ScriptedCall(call, method);
      }
      return new EchoingCall(call, scripted && method.getName().equals("Metadata") ? given : null, method);
    };
  }

  /** Answers each message with itself; with `told`, with the metadata. */
  private static final class EchoingCall extends ServerCall.Listener<DynamicMessage> {
    private final ServerCall<DynamicMessage, DynamicMessage> call;
    private final Metadata told;
    private final MethodDescriptor method;
    private boolean begun;

    EchoingCall(ServerCall<DynamicMessage, DynamicMessage> call, Metadata told, MethodDescriptor method) {
      this.call = call;
      this.told = told;
      this.method = method;
    }

    @Override
    public void onMessage(DynamicMessage message) {
      begin();
      call.sendMessage(told == null ? message : received(method.getOutputType(), told));
      call.request(1);
    }

    @Override
    public void onHalfClose() {
      begin();
      call.close(Status.OK, new Metadata());
    }

    private void begin() {
      if (!begun) {
        begun = true;
        call.sendHeaders(new Metadata());
      }
    }
  }

  /** Does what the plans say that come. */
  private static final class ScriptedCall extends ServerCall.Listener<DynamicMessage> {
    private final ServerCall<DynamicMessage, DynamicMessage> call;
    private final MethodDescriptor method;
    private final List<DynamicMessage> plans = new ArrayList<>();
    private Metadata trailers = new Metadata();
    private boolean begun;
    private boolean closed;

    ScriptedCall(ServerCall<DynamicMessage, DynamicMessage> call, MethodDescriptor method) {
      this.call = call;
      this.method = method;
    }

    @Override
    public void onMessage(DynamicMessage plan) {
      plans.add(plan);
      if (method.isServerStreaming()) {
        begin(plan);
        answers(plan).forEach(call::sendMessage);
        end(plan);
      }
      call.request(1);
    }

    @Override
    public void onHalfClose() {
      if (!method.isServerStreaming() && !plans.isEmpty()) {
        var last = plans.get(plans.size() - 1);
        begin(last);
        end(last);
      }
      if (closed) {
        return;
      }
      if (!begun) {
        begin(null);
      }
      if (method.isClientStreaming() && !method.isServerStreaming()) {
        call.sendMessage(gathered());
      } else if (!method.isServerStreaming()) {
        var notes = answers(plans.get(0));
        call.sendMessage(notes.isEmpty() ? DynamicMessage.getDefaultInstance(method.getOutputType()) : notes.get(0));
      }
      call.close(Status.OK, trailers);
    }

    /** Waiting, compression and headers: only the first time. Without a plan the bare headers. */
    private void begin(DynamicMessage plan) {
      if (plan == null) {
        begun = true;
        call.sendHeaders(new Metadata());
        return;
      }
      try {
        Thread.sleep((long) (1000 * (Double) field(plan, "seconds")));
      } catch (InterruptedException interrupted) {
        throw Status.CANCELLED.asRuntimeException();
      }
      boolean fails = (Integer) field((Message) field(plan, "failure"), "code") != 0;
      String compression = (String) field(plan, "compression");
      if (begun || fails && fields(plan, "headers").isEmpty() && answers(plan).isEmpty()) {
        return; // a failure without anything before it is trailers alone
      }
      begun = true;
      if (!compression.isEmpty()) {
        call.setCompression(compression);
      }
      call.sendHeaders(pairs(fields(plan, "headers")));
      call.setMessageCompression(!compression.isEmpty());
    }

    /** Trailers, and the status where it is not OK. */
    private void end(DynamicMessage plan) {
      trailers = pairs(fields(plan, "trailers"));
      var failure = (Message) field(plan, "failure");
      int code = (Integer) field(failure, "code");
      if (code == 0 || closed) {
        return;
      }
      closed = true;
      if (!fields(failure, "details").isEmpty()) { // a Failure has the numbers and types of a google.rpc.Status
        trailers.put(
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER), failure.toByteArray());
      }
      call.close(Status.fromCodeValue(code).withDescription((String) field(failure, "message")), trailers);
    }

    private List<DynamicMessage> answers(DynamicMessage plan) {
      List<DynamicMessage> all = new ArrayList<>();
      for (int i = 0; i < Math.max((Integer) field(plan, "repeat"), 1); i++) {
        fields(plan, "notes").forEach(note -> all.add((DynamicMessage) note));
      }
      int characters = (Integer) field(plan, "characters");
      if (characters > 0) {
        all.add(note("x".repeat(characters), 0));
      }
      return all;
    }

    private DynamicMessage gathered() {
      List<String> texts = new ArrayList<>();
      for (DynamicMessage plan : plans) {
        fields(plan, "notes").forEach(note -> texts.add((String) field(note, "text")));
      }
      return note(String.join(", ", texts), plans.size());
    }

    private DynamicMessage note(String text, int number) {
      Descriptor type = method.getOutputType();
      return DynamicMessage.newBuilder(type)
          .setField(type.findFieldByName("text"), text)
          .setField(type.findFieldByName("number"), number)
          .build();
    }
  }

  /** The metadata whose names start with x-, by name. */
  private static DynamicMessage received(Descriptor type, Metadata given) {
    var headers = type.findFieldByName("headers");
    var received = DynamicMessage.newBuilder(type);
    for (String name : new TreeSet<>(given.keys())) {
      if (name.startsWith("x-")) {
        for (Message.Builder told : told(headers.getMessageType(), name, given)) {
          received.addRepeatedField(headers, told.build());
        }
      }
    }
    return received.build();
  }

  private static List<Message.Builder> told(Descriptor header, String name, Metadata given) {
    List<Message.Builder> all = new ArrayList<>();
    var named = header.findFieldByName("name");
    if (name.endsWith("-bin")) {
      for (byte[] value : given.getAll(Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER))) {
        all.add(DynamicMessage.newBuilder(header).setField(named, name)
            .setField(header.findFieldByName("binary"), ByteString.copyFrom(value)));
      }
      return all;
    }
    for (String value : given.getAll(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER))) {
      all.add(DynamicMessage.newBuilder(header).setField(named, name)
          .setField(header.findFieldByName("text"), value));
    }
    return all;
  }

  private static Metadata pairs(List<Message> headers) {
    var made = new Metadata();
    for (Message header : headers) {
      String name = (String) field(header, "name");
      if (name.endsWith("-bin")) {
        var value = ((ByteString) field(header, "binary")).toByteArray();
        made.put(Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER), value);
      } else {
        made.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), (String) field(header, "text"));
      }
    }
    return made;
  }

  private static Object field(Message message, String name) {
    return message.getField(message.getDescriptorForType().findFieldByName(name));
  }

  @SuppressWarnings("unchecked")
  private static List<Message> fields(Message message, String name) {
    return (List<Message>) field(message, name);
  }
}
