package lab;

import com.google.gson.Gson;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** A real grpc-java client: makes each call of the JSON list on standard input, and prints what it says as JSON. */
public final class InteropClient {
  /** One call; the names are those of the JSON. */
  private record Call(
      String name, String address, String method, String authority, boolean tls, String ca, double seconds) {}

  private static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException broken) {
        throw new IllegalStateException(broken);
      }
    }
  };

  public static void main(String[] arguments) throws Exception {
    var calls = new Gson().fromJson(new InputStreamReader(System.in), Call[].class);
    Map<String, String> said = new TreeMap<>();
    for (Call call : calls) {
      said.put(call.name(), make(call));
    }
    System.out.println(new Gson().toJson(said));
    System.exit(0);
  }

  private static String make(Call call) throws IOException {
    ChannelCredentials credentials =
        call.tls()
            ? TlsChannelCredentials.newBuilder().trustManager(new File(call.ca())).build()
            : InsecureChannelCredentials.create();
    var builder = Grpc.newChannelBuilder(call.address(), credentials);
    if (!call.authority().isEmpty()) {
      builder.overrideAuthority(call.authority());
    }
    ManagedChannel channel = builder.build();
    var method =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(call.method().substring(1))
            .setRequestMarshaller(BYTES)
            .setResponseMarshaller(BYTES)
            .build();
    var options = CallOptions.DEFAULT.withDeadlineAfter((long) (call.seconds() * 1000), TimeUnit.MILLISECONDS);
    try {
      ClientCalls.blockingUnaryCall(channel, method, options, new byte[0]);
      return "";
    } catch (StatusRuntimeException refusal) {
      var text = new StringWriter();
      refusal.printStackTrace(new PrintWriter(text));
      return text.toString();
    } finally {
      channel.shutdownNow();
    }
  }
}
