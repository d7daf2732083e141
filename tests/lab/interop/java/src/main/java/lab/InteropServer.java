package lab;

import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.DynamicMessage;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerCredentials;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsServerCredentials;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoServiceDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.stub.ServerCalls;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * A real grpc-java server (Netty): lab.Greeter, the kitchen, health and reflection. Takes name=value arguments
 * (tests/lab/interop/__init__.py says which), prints its port as JSON, and ends when its standard input does.
 */
public final class InteropServer {
  private static final Map<String, Function<DynamicMessage, String>> BEHAVIOURS =
      Map.of("SayHello", InteropServer::sayHello, "Slow", InteropServer::slow, "Fail", InteropServer::fail);

  /** What reflection asks of a service to find its file. */
  private record Schema(FileDescriptor file) implements ProtoServiceDescriptorSupplier {
    @Override
    public FileDescriptor getFileDescriptor() {
      return file;
    }

    @Override
    public ServiceDescriptor getServiceDescriptor() {
      return file.findServiceByName("Greeter");
    }
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (String argument : arguments) {
      String[] pair = argument.split("=", 2);
      options.put(pair[0], pair[1]);
    }
    var builder =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0), credentials(options))
            .addService(greeter(options.get("descriptors")));
    if (options.containsKey("streams")) {
      builder.maxConcurrentCallsPerConnection(Integer.parseInt(options.get("streams")));
    }
    if (options.containsKey("kitchen")) {
      Kitchen.services(options.get("kitchen")).forEach(builder::addService);
    }
    if (options.containsKey("health")) {
      var health = new HealthStatusManager();
      for (String service : new String[] {"", "lab.Greeter"}) {
        health.setStatus(service, ServingStatus.valueOf(options.get("health")));
      }
      builder.addService(health.getHealthService());
    }
    String reflection = options.getOrDefault("reflection", "");
    if (reflection.equals("v1") || reflection.equals("both")) {
      builder.addService(ProtoReflectionServiceV1.newInstance());
    }
    if (reflection.equals("v1alpha") || reflection.equals("both")) {
      builder.addService(ProtoReflectionService.newInstance());
    }
    Server server = builder.build().start();
    System.out.println(server.getPort());
    System.in.transferTo(java.io.OutputStream.nullOutputStream());
    System.exit(0);
  }

  private static ServerCredentials credentials(Map<String, String> options) throws IOException {
    if (!options.containsKey("cert")) {
      return InsecureServerCredentials.create();
    }
    var tls = TlsServerCredentials.newBuilder();
    tls.keyManager(new File(options.get("cert")), new File(options.get("key")));
    if (options.containsKey("client_ca")) {
      tls.trustManager(new File(options.get("client_ca"))).clientAuth(TlsServerCredentials.ClientAuth.REQUIRE);
    }
    return tls.build();
  }

  private static ServerServiceDefinition greeter(String descriptors) throws Exception {
    var set = FileDescriptorSet.parseFrom(Base64.getDecoder().decode(descriptors));
    var schema = new Schema(FileDescriptor.buildFrom(set.getFile(0), new FileDescriptor[0]));
    var described = io.grpc.ServiceDescriptor.newBuilder("lab.Greeter").setSchemaDescriptor(schema);
    Map<String, io.grpc.MethodDescriptor<DynamicMessage, DynamicMessage>> methods = new HashMap<>();
    for (String name : BEHAVIOURS.keySet()) {
      var method = method(schema.getServiceDescriptor().findMethodByName(name));
      methods.put(name, method);
      described.addMethod(method);
    }
    var service = ServerServiceDefinition.builder(described.build());
    methods.forEach((name, method) -> service.addMethod(method, ServerCalls.asyncUnaryCall((request, answer) -> {
      var output = schema.getServiceDescriptor().findMethodByName(name).getOutputType();
      try {
        String text = BEHAVIOURS.get(name).apply(request);
        answer.onNext(DynamicMessage.newBuilder(output).setField(output.findFieldByName("message"), text).build());
        answer.onCompleted();
      } catch (StatusRuntimeException refusal) { // thrown on, it would become UNKNOWN as any other exception does
        answer.onError(refusal);
      }
    })));
    return service.build();
  }

  private static io.grpc.MethodDescriptor<DynamicMessage, DynamicMessage> method(MethodDescriptor described) {
    return io.grpc.MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
        .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("lab.Greeter/" + described.getName())
        .setRequestMarshaller(ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(described.getInputType())))
        .setResponseMarshaller(ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(described.getOutputType())))
        .build();
  }

  private static Object field(DynamicMessage message, String name) {
    return message.getField(message.getDescriptorForType().findFieldByName(name));
  }

  private static String sayHello(DynamicMessage request) {
    String name = (String) field(request, "name");
    return "Hello, " + (name.isEmpty() ? "world" : name) + "!";
  }

  private static String slow(DynamicMessage request) {
    double seconds = (Double) field(request, "seconds");
    try {
      Thread.sleep((long) (1000 * (seconds == 0 ? 5 : seconds)));
    } catch (InterruptedException error) {
      throw Status.CANCELLED.asRuntimeException();
    }
    return "Sorry for the delay";
  }

  /** Answers with the asked status. A negative code throws another exception, which grpc-java answers itself. */
  private static String fail(DynamicMessage request) {
    int code = (Integer) field(request, "code");
    if (code < 0) {
      throw new IllegalStateException("as you asked");
    }
    Status status = code == 0 ? Status.INTERNAL : Status.fromCodeValue(code);
    throw status.withDescription((String) field(request, "message")).asRuntimeException();
  }
}
